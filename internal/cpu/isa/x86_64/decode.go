// Package x86_64 is the guest instruction set x86-64: its 64-bit mode and, for i386
// programs, its compatibility mode with 32-bit code.
//
// The unprivileged and the privileged side are one table that reads like the manual
// (table.go: notation; table_int.go, table_x87.go, table_sse.go, table_vex.go: rows). rules.go
// makes of it what decode.go looks instructions up in; disasm.go prints them. To
// learn how x86 is encoded, begin with Decode.
//
// Where processors differ, Intel's are followed: 66 before a near branch counts for
// nothing in 64-bit mode (AMD: a 16-bit branch), SYSCALL is undefined in
// compatibility mode and SYSENTER is not (AMD: the other way round), far pointers
// in memory have 64 bits of offset with REX.W (AMD: 32), LOCK before MOV CR0 is
// undefined (AMD: CR8).
//
// The package must not know how a lifted instruction is executed, nor any
// device.
package x86_64

import "encoding/binary"

// Decode decodes the instruction at the start of code. ok is false if what code holds
// is the beginning of an instruction that extends beyond it. An undefined encoding
// has Row Undefined or TooLong; that is told as soon as it is certain, with whatever of
// it is there. Features are not looked at: see Insn.Feature.
func Decode(code []byte, mode Mode) (in Insn, ok bool) {
	ok = in.Decode(code, mode)
	return in, ok
}

// Decode is the function of this name, into in.
func (in *Insn) Decode(code []byte, mode Mode) (ok bool) {
	*in = Insn{Mode: mode, Mod: 3, Base: NoReg, Index: NoReg, Seg: SegDS, Override: SegNone}
	d := decoder{code: code, t: tables(), in: in}
	switch d.instruction() {
	case good:
	case short:
		*in = Insn{}
		return false
	case undefined:
		d.undefine(Undefined)
	case tooLong:
		d.undefine(TooLong)
	}
	in.Len = uint8(d.at)
	return true
}

type decoder struct {
	code []byte
	at   int // bytes of code taken
	t    *decodeTables
	in   *Insn
}

// status is how decoding a part of an instruction ended.
type status uint8

const (
	good status = iota
	short
	undefined
	tooLong
)

// need says whether n more bytes can be taken.
func (d *decoder) need(n int) status {
	if end := d.at + n; end <= len(d.code) && end <= MaxLen {
		return good
	}
	return d.missing(n)
}

// missing is why they cannot.
func (d *decoder) missing(n int) status {
	if d.at+n > MaxLen {
		return tooLong
	}
	return short
}

func (d *decoder) undefine(id RowID) {
	d.at = max(1, min(d.at, MaxLen))
	*d.in = Insn{Row: id, Mode: d.in.Mode, Mod: 3, Base: NoReg, Index: NoReg, Seg: SegDS, Override: SegNone}
}

// instruction decodes prefixes, opcode, ModRM and what it asks for, immediate, in
// this order.
func (d *decoder) instruction() status {
	if s := d.prefixes(); s != good {
		return s
	}
	if s := d.opcode(); s != good {
		return s
	}
	n := &d.t.nodes[d.in.Mode][d.in.Map][d.in.Op]
	if n.modRM {
		if s := d.modRM(); s != good {
			return s
		}
	}
	d.in.Row = d.row(n)
	if d.in.Row == Undefined {
		return undefined
	}
	r := d.t.rules[d.in.Row]
	if r.flags&ruleMod11 != 0 {
		d.in.Mod = 3
	}
	if r.flags&ruleOpReg != 0 {
		d.in.RM = d.in.Op&7 | d.extend(PrefixB)
	}
	if !d.allowed(r.flags) {
		return undefined
	}
	d.sizes(r.size)
	if d.in.Mod != 3 {
		if s := d.memory(r.flags&ruleVSIB != 0); s != good {
			return s
		}
	}
	if d.in.Override != SegNone {
		d.in.Seg = d.in.Override
	}
	if r.imm == immNone {
		return good
	}
	return d.immediate(r.imm)
}

// Prefix bytes. In compatibility mode 40–4F are opcodes.
const (
	notPrefix = iota
	isREX     // 40–4F in 64-bit mode
	isFlag    // sets flags
	isSeg     // segment override
)

var prefixKinds = func() (k [numModes][256]uint8) {
	for mode := range k {
		for _, b := range [...]byte{0x66, 0x67, 0xf0, 0xf2, 0xf3} {
			k[mode][b] = isFlag
		}
		for _, b := range [...]byte{0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65} {
			k[mode][b] = isSeg
		}
	}
	for b := 0x40; b < 0x50; b++ {
		k[Mode64][b] = isREX
	}
	return k
}()

// prefixes takes the legacy prefixes, in any order and number, and REX. Of F2 and F3,
// and of segments, the last one counts. REX counts only directly before the opcode;
// before another prefix it is nothing.
func (d *decoder) prefixes() status {
	kinds := &prefixKinds[d.in.Mode]
	p, rex := Prefix(0), byte(0)
	for ; ; d.at++ {
		if d.at >= len(d.code) || d.at >= MaxLen {
			return d.need(1)
		}
		b := d.code[d.at]
		switch kinds[b] {
		case notPrefix:
			if rex != 0 {
				p |= PrefixREX | rexBits[rex&15]
			}
			d.in.Prefixes = p
			return good
		case isREX:
			rex = b
			continue
		case isSeg:
			d.override(b)
		default:
			switch b {
			case 0x66:
				p |= PrefixOp
			case 0x67:
				p |= PrefixAddr
			case 0xf0:
				p |= PrefixLock
			case 0xf2:
				p = p&^PrefixRep | PrefixRepne
			case 0xf3:
				p = p&^PrefixRepne | PrefixRep
			}
		}
		rex = 0
	}
}

// override takes a segment prefix. In 64-bit mode those of ES, CS, SS and DS are as if
// they were not there: an FS or GS before them still counts.
func (d *decoder) override(b byte) {
	switch {
	case b == 0x64:
		d.in.Override = SegFS
	case b == 0x65:
		d.in.Override = SegGS
	case d.in.Mode != Mode64:
		d.in.Override = Seg(b >> 3 & 3)
	}
}

// rexBits are the low bits of REX.
var rexBits = func() (bits [16]Prefix) {
	for i := range bits {
		for k, p := range [...]Prefix{PrefixB, PrefixX, PrefixR, PrefixW} {
			if i>>k&1 != 0 {
				bits[i] |= p
			}
		}
	}
	return bits
}()

// opcode takes escape bytes or a VEX prefix, and the opcode.
func (d *decoder) opcode() status {
	b := d.code[d.at]
	switch b {
	case 0x0f:
		d.at++
		if s := d.need(1); s != good {
			return s
		}
		d.in.Map, b = Map0F, d.code[d.at]
		if b == 0x38 || b == 0x3a {
			d.at++
			if s := d.need(1); s != good {
				return s
			}
			d.in.Map = Map0F38
			if b == 0x3a {
				d.in.Map = Map0F3A
			}
			b = d.code[d.at]
		}
	case 0xc4, 0xc5:
		vex := d.in.Mode == Mode64
		if !vex {
			// LES and LDS have no register as their source: ModRM.mod = 11B is VEX.
			if d.at+1 >= len(d.code) || d.at+1 >= MaxLen {
				d.at++
				return d.need(1)
			}
			vex = d.code[d.at+1] >= 0xc0
		}
		if vex {
			return d.vex(b)
		}
	}
	d.at++
	d.in.Op = b
	switch p := d.in.Prefixes; {
	case p&(PrefixRep|PrefixRepne|PrefixOp) == 0:
	case p&PrefixRep != 0:
		d.in.PP = PPF3
	case p&PrefixRepne != 0:
		d.in.PP = PPF2
	default:
		d.in.PP = PP66
	}
	return good
}

// vex takes a VEX prefix, whose first byte is b, and the opcode. It stands for REX, the
// mandatory prefix, LOCK's absence and the escape bytes; with any of these before it,
// it is undefined. In compatibility mode registers have three bits.
func (d *decoder) vex(b byte) status {
	d.at++
	if d.in.Has(PrefixLock | PrefixRep | PrefixRepne | PrefixOp | PrefixREX) {
		if d.in.Mode != Mode64 {
			d.at++ // it took two bytes to know that this is VEX
		}
		return undefined
	}
	if s := d.need(1); s != good {
		return s
	}
	p := PrefixVEX
	last := d.code[d.at] // R or W, vvvv, L, pp
	d.in.Map = MapVEX0F
	if last < 0x80 {
		p |= PrefixR
	}
	if b == 0xc4 {
		if last&0x40 == 0 {
			p |= PrefixX
		}
		if last&0x20 == 0 {
			p |= PrefixB
		}
		switch last & 0x1f {
		case 1:
		case 2:
			d.in.Map = MapVEX0F38
		case 3:
			d.in.Map = MapVEX0F3A
		default:
			d.at++
			return undefined
		}
		d.at++
		if s := d.need(1); s != good {
			return s
		}
		if last = d.code[d.at]; last >= 0x80 {
			p |= PrefixW
		}
	}
	d.in.VVVV, d.in.L, d.in.PP = ^last>>3&15, last>>2&1, last&3
	if d.in.Mode != Mode64 {
		p &^= PrefixB
	}
	d.in.Prefixes |= p
	d.at++
	if s := d.need(1); s != good {
		return s
	}
	d.in.Op = d.code[d.at]
	d.at++
	return good
}

// extend is bit 3 of a register number.
func (d *decoder) extend(p Prefix) uint8 {
	if d.in.Prefixes&p != 0 {
		return 8
	}
	return 0
}

// modRM takes the ModRM byte.
func (d *decoder) modRM() status {
	if s := d.need(1); s != good {
		return s
	}
	b := d.code[d.at]
	d.at++
	d.in.Mod = b >> 6
	d.in.Reg = b>>3&7 | d.extend(PrefixR)
	d.in.RM = b&7 | d.extend(PrefixB)
	return good
}

// row looks up the row of what is known now.
func (d *decoder) row(n *node) RowID {
	i := uint(n.base)
	if n.dims != 0 {
		c := choice{pp: d.in.PP, reg: d.in.Reg & 7, rm: d.in.RM & 7, l: d.in.L, w: d.extend(PrefixW) >> 3, b: d.extend(PrefixB) >> 3}
		if d.in.Mod == 3 {
			c.mod11 = 1
		}
		i += c.index(n.dims)
	}
	return d.t.leaves[i]
}

// allowed checks what is undefined in some operands of a row only.
func (d *decoder) allowed(flags ruleFlags) bool {
	in := d.in
	if in.Has(PrefixLock) && (flags&ruleLock == 0 || in.Mod == 3) {
		return false
	}
	if in.VVVV != 0 && flags&ruleVVVV == 0 {
		return false // must be 1111B
	}
	if in.Mode != Mode64 {
		in.VVVV &= 7
	}
	return flags&ruleSpecial == 0 || d.specialExists()
}

// specialExists says whether the segment, control or debug register of ModRM.reg
// exists, and for a segment register may be loaded.
func (d *decoder) specialExists() bool {
	reg := d.in.Reg
	if d.in.Map == MapOne { // 8C, 8E: R counts for nothing
		d.in.Reg &= 7
		return reg&7 < 6 && (d.in.Op == 0x8c || reg&7 != uint8(SegCS))
	}
	if d.in.Op&1 != 0 { // 0F 21, 0F 23: DR
		return reg < 8
	}
	return reg == 0 || reg >= 2 && reg <= 4 || reg == 8
}

// sizes finds operand and address size.
func (d *decoder) sizes(k sizeKind) {
	in := d.in
	in.AddrSize = 4
	if in.Mode == Mode64 {
		in.AddrSize = 8
	}
	if in.Prefixes&PrefixAddr != 0 {
		in.AddrSize >>= 1
	}
	i := in.L
	if in.Prefixes&PrefixOp != 0 {
		i |= 2
	}
	if in.Prefixes&PrefixW != 0 {
		i |= 4
	}
	in.OpSize = opSizes[in.Mode][k][i]
}

// opSizes are operand sizes by mode, kind, W, 66 and L.
var opSizes = func() (sizes [numModes][numSizeKinds][8]uint8) {
	for mode := range numModes {
		for k := range numSizeKinds {
			for i := range uint8(8) {
				sizes[mode][k][i] = k.size(mode, i&4 != 0, i&2 != 0, i&1)
			}
		}
	}
	return sizes
}()

func (k sizeKind) size(mode Mode, w, half bool, l uint8) uint8 {
	long := mode == Mode64
	w = w && long
	switch k {
	case sizeNone:
		return 0
	case sizeV:
	case sizeF64:
		if long {
			return 8
		}
	case sizeD64:
		if long && (!half || w) {
			return 8
		}
	case sizeZ:
		if w {
			return 4
		}
	case sizeY:
		half = false
	case sizeM:
		if long {
			return 8
		}
		return 4
	case sizeL:
		return 16 << l
	default:
		return 1 << (k - size1)
	}
	switch {
	case w:
		return 8
	case half:
		return 2
	}
	return 4
}

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
