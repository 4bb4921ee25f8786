// Package x86_64 is the guest instruction set x86-64: its 64-bit mode and, for i386
// programs, its compatibility mode with 32-bit code.
//
// What bytes mean is a table that reads like the manual: table.go is its notation,
// table_int.go, table_x87.go, table_sse.go and table_vex.go are its rows. notation.go
// reads them, rules.go and sizes.go make of them what Decode looks instructions up in.
// To learn how x86 is encoded, begin with decoder.instruction and follow it: prefix.go,
// then the opcode, ModRM and its row in decode.go, memory.go for the rest. disasm.go
// prints what was found.
//
// Where processors differ, Intel's are followed: 66 before a near branch counts for
// nothing in 64-bit mode (AMD: a 16-bit branch), SYSCALL is undefined in
// compatibility mode and SYSENTER is not (AMD: the other way round), far pointers
// in memory have 64 bits of offset with REX.W (AMD: 32), LOCK before MOV CR0 is
// undefined (AMD: CR8), 0F 0D with a register is a NOP (AMD: undefined).
//
// The package must not know how a lifted instruction is executed, nor any
// device.
package x86_64

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
	*in = blank[mode]
	d := decoder{code: code, t: tables[mode](), in: in}
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

// blank is what an instruction is before any byte is known.
var blank = [numModes]Insn{
	Mode64: {Mode: Mode64, Mod: 3, Base: NoReg, Index: NoReg, Seg: SegDS, Override: SegNone},
	Mode32: {Mode: Mode32, Mod: 3, Base: NoReg, Index: NoReg, Seg: SegDS, Override: SegNone},
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
	*d.in = blank[d.in.Mode]
	d.in.Row = id
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
	n := &d.t.nodes[d.in.Map][d.in.Op]
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
		c := choose(d.in.PP, d.in.Mod, d.in.Reg, d.in.RM)
		c |= choice(d.in.L)<<choiceL | choice(d.extend(PrefixW)>>3)<<choiceW | choice(d.extend(PrefixB)>>3)<<choiceB
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
