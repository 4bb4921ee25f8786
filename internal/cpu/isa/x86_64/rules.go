package x86_64

import "sync"

// tables is the table made ready for decoding in each mode, on first use: it takes a
// millisecond or two, which a machine with another guest does not pay.
var tables = [numModes]func() *decodeTables{
	Mode64: sync.OnceValue(func() *decodeTables { return build(Mode64) }),
	Mode32: sync.OnceValue(func() *decodeTables { return build(Mode32) }),
}

type decodeTables struct {
	nodes [numMaps][256]node
	// leaves are rows, in blocks that nodes begin.
	leaves []RowID
	rules  []rule
}

// node is what an opcode needs to become a row: leaves[base], with an index made of
// what dims says.
type node struct {
	base  uint16
	dims  dim
	modRM bool // a ModRM byte follows, whatever it says
}

// dim is a set of things beside the opcode that choose a row.
type dim uint8

const (
	dimPP  dim = 1 << iota // mandatory prefix: 2 bits
	dimMod                 // ModRM.mod = 11B: 1 bit
	dimReg                 // ModRM.reg: 3 bits
	dimRM                  // ModRM.rm: 3 bits
	dimW                   // 1 bit
	dimL                   // 1 bit
	dimB                   // 1 bit
)

// choice is a value of each, in bit fields.
type choice uint

const (
	choicePP  = 0
	choiceMod = 2
	choiceReg = 3
	choiceRM  = 6
	choiceW   = 9
	choiceL   = 10
	choiceB   = 11
	choices   = 1 << 12
)

func choose(pp, mod, reg, rm uint8) choice {
	c := choice(pp)<<choicePP | choice(reg&7)<<choiceReg | choice(rm&7)<<choiceRM
	if mod == 3 {
		c |= 1 << choiceMod
	}
	return c
}

// index is a choice's number among those that a set of dimensions tells apart.
func (c choice) index(dims dim) uint {
	i := choice(0)
	if dims&dimReg != 0 {
		i = c >> choiceReg & 7
	}
	if dims&dimMod != 0 {
		i = i<<1 | c>>choiceMod&1
	}
	if dims&dimPP != 0 {
		i = i<<2 | c>>choicePP&3
	}
	if dims&^(dimReg|dimMod|dimPP) == 0 {
		return uint(i)
	}
	if dims&dimRM != 0 {
		i = i<<3 | c>>choiceRM&7
	}
	if dims&dimW != 0 {
		i = i<<1 | c>>choiceW&1
	}
	if dims&dimL != 0 {
		i = i<<1 | c>>choiceL&1
	}
	if dims&dimB != 0 {
		i = i<<1 | c>>choiceB&1
	}
	return uint(i)
}

// at is the inverse of index.
func (dims dim) at(i uint) (c choice) {
	take := func(d dim, shift, bits uint) {
		if dims&d != 0 {
			c |= choice(i) & (1<<bits - 1) << shift
			i >>= bits
		}
	}
	take(dimB, choiceB, 1)
	take(dimL, choiceL, 1)
	take(dimW, choiceW, 1)
	take(dimRM, choiceRM, 3)
	take(dimPP, choicePP, 2)
	take(dimMod, choiceMod, 1)
	take(dimReg, choiceReg, 3)
	return c
}

func (dims dim) size() uint { return choice(choices-1).index(dims) + 1 }

// rule is what decoding has to know of a row once it is found.
type rule struct {
	imm   immKind
	size  sizeKind
	flags ruleFlags
}

type immKind uint8

const (
	immNone immKind = iota
	immB            // zero-extended byte
	immBS           // sign-extended byte
	immW            // zero-extended word
	immZ            // word or doubleword
	immV            // word, doubleword or quadword
	immWB           // word and byte
	immA            // far pointer
	immO            // address
)

type ruleFlags uint8

const (
	ruleLock    ruleFlags = 1 << iota // LOCK is allowed
	ruleVVVV                          // VEX.vvvv is an operand
	ruleVSIB                          // the memory operand's index is a vector
	ruleMod11                         // ModRM.mod is taken as 11B
	ruleSpecial                       // an operand is a segment, control or debug register
	ruleOpReg                         // the opcode holds a register
)

func (p *pattern) dims() (d dim) {
	for _, x := range [...]struct {
		matters bool
		d       dim
	}{{p.pp != anyPP, dimPP}, {p.mod11 >= 0, dimMod}, {p.reg >= 0, dimReg}, {p.rm >= 0, dimRM}, {p.w >= 0, dimW}, {p.l >= 0, dimL}, {p.b >= 0, dimB}} {
		if x.matters {
			d |= x.d
		}
	}
	return d
}

func (p *pattern) matches(c choice) bool {
	is := func(want int8, shift uint, mask choice) bool { return want < 0 || choice(want) == c>>shift&mask }
	return p.pp>>(c>>choicePP&3)&1 != 0 && is(p.mod11, choiceMod, 1) && is(p.reg, choiceReg, 7) && is(p.rm, choiceRM, 7) &&
		is(p.w, choiceW, 1) && is(p.l, choiceL, 1) && is(p.b, choiceB, 1)
}

func build(mode Mode) *decodeTables {
	t := &decodeTables{leaves: []RowID{Undefined}, rules: make([]rule, NumRows())}
	var patterns [numMaps][256][]*pattern
	id := RowID(0)
	for _, part := range parts {
		for i := range part {
			if id >= firstRow {
				p, ru := compile(&part[i])
				p.rowID, t.rules[id] = id, ru
				for op := p.op; op < p.op+p.n; op++ {
					patterns[p.m][op] = append(patterns[p.m][op], &p)
				}
			}
			id++
		}
	}
	for m := range numMaps {
		for op := range 256 {
			t.nodes[m][op] = t.node(patterns[m][op], mode)
		}
	}
	return t
}

// node makes the node of the rows of an opcode.
func (t *decodeTables) node(list []*pattern, mode Mode) (n node) {
	var rows []pattern
	for _, p := range list {
		q := *p
		switch {
		case mode == Mode64 && q.attr&i64 != 0, mode == Mode32 && q.attr&o64 != 0:
			continue
		case mode == Mode32 && q.attr&w32 != 0:
			q.w = -1
		}
		if n.modRM = q.modRM; len(rows) > 0 && rows[0].modRM != n.modRM {
			panic("BUG: x86_64: rows with and without ModRM at " + p.rowID.Encoding())
		}
		n.dims |= q.dims()
		rows = append(rows, q)
	}
	if len(rows) == 0 {
		return n
	}
	n.base = uint16(len(t.leaves))
	for i := range n.dims.size() {
		c, id := n.dims.at(i), Undefined
		for k := range rows {
			if rows[k].matches(c) {
				id = rows[k].rowID
				break
			}
		}
		t.leaves = append(t.leaves, id)
	}
	return n
}

// immOf is what follows ModRM and displacement.
func immOf(ops []operand) immKind {
	kind := immNone
	for _, o := range ops {
		switch {
		case o.method == 'A':
			kind = immA
		case o.method == 'O':
			kind = immO
		case o.method == 'L', o.method == 'J' && o.typ == tB:
			kind = immBS
		case o.method != 'I' && o.method != 'J':
		case kind == immW:
			kind = immWB
		default:
			kind = map[typ]immKind{tB: immB, tBS: immBS, tW: immW, tZ: immZ, tV: immV}[o.typ]
		}
	}
	return kind
}
