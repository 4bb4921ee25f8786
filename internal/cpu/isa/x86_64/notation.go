package x86_64

import (
	"strconv"
	"strings"
)

// pattern is a row's encoding made ready for matching.
type pattern struct {
	rowID RowID
	attr  attr
	m     Map
	op, n int   // n opcodes from op
	modRM bool  // a ModRM byte follows
	pp    uint8 // the mandatory prefixes that match, as a set of bits; all of them is anyPP
	// What choices have to be; -1 if it does not matter.
	mod11, reg, rm, w, l, b int8

	isVEX   bool
	opcoded bool // the opcode has been read
}

const anyPP = 15

// compile reads a row.
func compile(r *row) (pattern, rule) {
	p := pattern{pp: anyPP, mod11: -1, reg: -1, rm: -1, w: -1, l: -1, b: -1, n: 1, attr: r.attr}
	for token := range strings.FieldsSeq(r.enc) {
		p.token(token)
	}
	var ru rule
	if p.isVEX && p.pp == anyPP {
		p.pp = 1 << PPNone
	}
	if r.attr&lock != 0 {
		ru.flags |= ruleLock
	}
	if p.n == 8 {
		ru.flags |= ruleOpReg
	}
	ops := r.operands()
	for i := range ops {
		switch ops[i].method {
		case 'C', 'D', 'E', 'G', 'M', 'N', 'P', 'Q', 'R', 'S', 'U', 'V', 'W', vectorMem:
			p.modRM = true
		}
		switch ops[i].method {
		case 'M', vectorMem:
			p.mod11 = 0
		case 'N', 'R', 'U':
			if ops[i].mem == tNone && r.attr&mod11 == 0 {
				p.mod11 = 1
			}
		case 'B', 'H':
			ru.flags |= ruleVVVV
		case 'C', 'D', 'S':
			ru.flags |= ruleSpecial
		}
		if ops[i].method == vectorMem {
			ru.flags |= ruleVSIB
		}
	}
	if r.attr&mod11 != 0 {
		ru.flags |= ruleMod11
	}
	ru.imm, ru.size = immOf(ops), sizeOf(r, &p, ops)
	return p, ru
}

func (p *pattern) token(s string) {
	switch {
	case s == "NP":
		p.pp = 1 << PPNone
	case s == "NFx":
		p.pp = 1<<PPNone | 1<<PP66
	case s == "REX.W":
		p.w = 1
	case s == "W0":
		p.w = 0
	case s == "B=0":
		p.b = 0
	case s == "mem":
		p.mod11, p.modRM = 0, true
	case s == "11B":
		p.mod11, p.modRM = 1, true
	case s[0] == '/':
		p.reg, p.modRM = int8(s[1]-'0'), true
	case strings.HasPrefix(s, "VEX."):
		p.vex(strings.Split(s, ".")[1:])
	default:
		p.opcode(s)
	}
}

var mandatory = map[string]uint8{"66": PP66, "F3": PPF3, "F2": PPF2}

func (p *pattern) opcode(s string) {
	hex, plus, _ := strings.Cut(s, "+")
	v, err := strconv.ParseUint(hex, 16, 8)
	if err != nil || len(hex) != 2 {
		panic("BUG: x86_64: encoding " + s)
	}
	pp, isPP := mandatory[s]
	switch {
	case !p.opcoded && p.m == MapOne && isPP && p.pp == anyPP:
		p.pp = 1 << pp
		return
	case !p.opcoded && p.m == MapOne && s == "0F":
		p.m = Map0F
		return
	case !p.opcoded && p.m == Map0F && s == "38":
		p.m = Map0F38
		return
	case !p.opcoded && p.m == Map0F && s == "3A":
		p.m = Map0F3A
		return
	case !p.opcoded:
		p.op = int(v)
		if plus == "r" {
			p.n = 8
		}
	default: // the ModRM byte
		p.mod11, p.reg, p.rm, p.modRM = 1, int8(v>>3&7), int8(v&7), true
		if plus == "i" {
			p.rm = -1
		}
	}
	p.opcoded = true
}

func (p *pattern) vex(fields []string) {
	p.isVEX = true
	for _, f := range fields {
		switch f {
		case "128", "LZ":
			p.l = 0
		case "256":
			p.l = 1
		case "W0":
			p.w = 0
		case "W1":
			p.w = 1
		case "0F":
			p.m = MapVEX0F
		case "0F38":
			p.m = MapVEX0F38
		case "0F3A":
			p.m = MapVEX0F3A
		case "66", "F3", "F2":
			p.pp = 1 << mandatory[f]
		case "LIG", "WIG":
		default:
			panic("BUG: x86_64: VEX field " + f)
		}
	}
}

// operand is one of a row's operands.
type operand struct {
	method byte // a letter as at row, vectorMem or fixed
	typ    typ
	mem    typ    // of Rv/Mw, in memory
	text   string // of what is itself; of vectorMem the size of its indices
}

const (
	fixed     = '='
	vectorMem = '*'
	regAX     = 'a' // AL, AX, eAX, rAX
)

var accumulators = map[string]typ{"AL": tB, "AX": tW, "eAX": tZ, "rAX": tV}

func (r *row) operands() (list []operand) {
	if r.ops == "" {
		return nil
	}
	for s := range strings.SplitSeq(r.ops, ",") {
		list = append(list, parseOperand(s))
	}
	return list
}

func parseOperand(s string) operand {
	if t, ok := accumulators[s]; ok {
		return operand{method: regAX, typ: t}
	}
	if rest, ok := strings.CutPrefix(s, "vm"); ok {
		return operand{method: vectorMem, text: rest[:2], typ: typNames[rest[2:]]}
	}
	reg, mem, both := strings.Cut(s, "/M")
	if t, ok := typNames[reg[1:]]; ok && strings.IndexByte("ABCDEGHIJLMNOPQRSUVWXYZ", s[0]) >= 0 {
		o := operand{method: s[0], typ: t}
		if both {
			o.mem = typNames[mem]
		}
		return o
	}
	return operand{method: fixed, text: s}
}
