package x86_64

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
