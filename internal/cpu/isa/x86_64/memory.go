package x86_64

import "encoding/binary"

// memory takes SIB and displacement. vector says that the index is a vector.
func (d *decoder) memory(vector bool) status {
	in := d.in
	if in.AddrSize == 2 {
		if vector {
			return undefined
		}
		return d.memory16()
	}
	in.Base = int8(in.RM)
	if in.RM&7 == 4 {
		if s := d.need(1); s != good {
			return s
		}
		sib := d.code[d.at]
		d.at++
		in.Scale = 1 << (sib >> 6)
		in.Base = int8(sib&7 | d.extend(PrefixB))
		// 4 means no index; 12 is R12.
		if index := int8(sib>>3&7 | d.extend(PrefixX)); index != 4 || vector {
			in.Index = index
		}
	} else if vector {
		return undefined
	}
	size := 0
	switch {
	case in.Mod == 1:
		size = 1
	case in.Mod == 2:
		size = 4
	case in.Base&7 == 5: // RBP and R13 have no form without displacement
		size = 4
		in.RIPRel = in.RM&7 == 5 && in.Mode == Mode64
		in.Base = NoReg
	}
	if in.Base == 4 || in.Base == 5 {
		in.Seg = SegSS
	}
	if vector && (in.Reg == uint8(in.Index) || in.Reg == in.VVVV || uint8(in.Index) == in.VVVV) {
		return undefined // VSIB: destination, indices and mask are three registers
	}
	return d.displacement(size)
}

// memory16 is the same with addresses of 16 bits.
func (d *decoder) memory16() status {
	in := d.in
	const bx, bp, si, di = 3, 5, 6, 7
	pair := [...][2]int8{{bx, si}, {bx, di}, {bp, si}, {bp, di}, {si, NoReg}, {di, NoReg}, {bp, NoReg}, {bx, NoReg}}[in.RM]
	in.Base, in.Index, in.Scale = pair[0], pair[1], 1
	size := [...]int{0, 1, 2}[in.Mod]
	if in.Mod == 0 && in.RM == 6 {
		in.Base, size = NoReg, 2
	}
	if in.Base == bp {
		in.Seg = SegSS
	}
	return d.displacement(size)
}

func (d *decoder) displacement(size int) status {
	if size == 0 {
		return good
	}
	if s := d.need(size); s != good {
		return s
	}
	b := d.code[d.at:]
	switch size {
	case 1:
		d.in.Disp = int32(int8(b[0]))
	case 2:
		d.in.Disp = int32(int16(binary.LittleEndian.Uint16(b)))
	default:
		d.in.Disp = int32(binary.LittleEndian.Uint32(b))
	}
	d.at += size
	return good
}

// immediate takes the immediate.
func (d *decoder) immediate(k immKind) status {
	in := d.in
	z := 4
	if in.OpSize == 2 {
		z = 2
	}
	first, second := 1, 0
	switch k {
	case immW:
		first = 2
	case immZ:
		first = z
	case immV:
		first = int(in.OpSize)
	case immWB:
		first, second = 2, 1
	case immA:
		first, second = z, 2
	case immO:
		first = int(in.AddrSize)
	}
	if s := d.need(first + second); s != good {
		return s
	}
	b := d.code[d.at:]
	switch first {
	case 1:
		in.Imm = int64(int8(b[0]))
	case 2:
		in.Imm = int64(int16(binary.LittleEndian.Uint16(b)))
	case 4:
		in.Imm = int64(int32(binary.LittleEndian.Uint32(b)))
	case 8:
		in.Imm = int64(binary.LittleEndian.Uint64(b))
	}
	switch k {
	case immB:
		in.Imm &= 0xff
	case immW, immWB:
		in.Imm &= 0xffff
	case immO, immA:
		if first < 8 {
			in.Imm &= 1<<(8*first) - 1
		}
	}
	switch second {
	case 1:
		in.Imm2 = uint16(b[first])
	case 2:
		in.Imm2 = binary.LittleEndian.Uint16(b[first:])
	}
	d.at += first + second
	return good
}
