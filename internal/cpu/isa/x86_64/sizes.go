package x86_64

import "strings"

// sizeKind is how Insn.OpSize comes about.
type sizeKind uint8

const (
	sizeNone sizeKind = iota
	size1
	size2
	size4
	size8
	size16
	size32
	sizeL   // 16 or 32 by VEX.L
	sizeV   // 4, with 66 2, with W 8
	sizeD64 // in 64-bit mode 8, with 66 2
	sizeF64 // in 64-bit mode 8
	sizeZ   // 4, with 66 2; W makes 66 count for nothing
	sizeY   // 4, with W 8
	sizeM   // 4, in 64-bit mode 8
	numSizeKinds
)

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

// sizeOf is the rule for the operand size: that of the general registers if there are
// any whose size varies, else that of vectors, else of the first operand that has one.
func sizeOf(r *row, p *pattern, ops []operand) sizeKind {
	has := func(want ...typ) bool {
		for _, o := range ops {
			for _, t := range want {
				if o.typ == t && o.method != 'O' {
					return true
				}
			}
		}
		return false
	}
	switch {
	case r.attr&f64 != 0:
		return sizeF64
	case r.attr&d64 != 0:
		return sizeD64
	case r.attr&oy != 0:
		return sizeY
	case r.attr&ov != 0, has(tV, tP), strings.Contains(r.name, "/") && len(ops) == 0:
		return sizeV
	case has(tM):
		return sizeM
	case has(tY):
		return sizeY
	case has(tZ, tA):
		return sizeZ
	case p.l == 1:
		return size32
	case p.isVEX && has(tX):
		return sizeL
	}
	mmx := false
	for _, o := range ops {
		switch o.method {
		case 'V', 'W', 'U', 'H':
			return size16
		case 'P', 'Q', 'N':
			mmx = true
		}
	}
	if mmx {
		return size8
	}
	for _, o := range ops {
		switch o.typ {
		case tB, tBS:
			return size1
		case tW:
			return size2
		case tD:
			return size4
		case tQ:
			return size8
		case tDQ:
			return size16
		}
	}
	return sizeNone
}
