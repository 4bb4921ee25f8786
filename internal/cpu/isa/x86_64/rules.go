package x86_64

import (
	"strconv"
	"strings"
	"sync"
)

// tables is the table made ready for decoding, on first use: a machine with another
// guest does not pay for it.
var tables = sync.OnceValue(build)

type decodeTables struct {
	nodes [numModes][numMaps][256]node
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

// choice is a value of each.
type choice struct{ pp, mod11, reg, rm, w, l, b uint8 }

// index is a choice's number among those that a set of dimensions tells apart.
func (c *choice) index(dims dim) uint {
	i := uint(0)
	if dims&dimReg != 0 {
		i = uint(c.reg)
	}
	if dims&dimMod != 0 {
		i = i<<1 | uint(c.mod11)
	}
	if dims&dimPP != 0 {
		i = i<<2 | uint(c.pp)
	}
	if dims&^(dimReg|dimMod|dimPP) == 0 {
		return i
	}
	if dims&dimRM != 0 {
		i = i<<3 | uint(c.rm)
	}
	if dims&dimW != 0 {
		i = i<<1 | uint(c.w)
	}
	if dims&dimL != 0 {
		i = i<<1 | uint(c.l)
	}
	if dims&dimB != 0 {
		i = i<<1 | uint(c.b)
	}
	return i
}

// at is the inverse of index.
func (dims dim) at(i uint) (c choice) {
	take := func(d dim, bits uint) uint8 {
		if dims&d == 0 {
			return 0
		}
		v := uint8(i & (1<<bits - 1))
		i >>= bits
		return v
	}
	c.b, c.l, c.w, c.rm = take(dimB, 1), take(dimL, 1), take(dimW, 1), take(dimRM, 3)
	c.pp, c.mod11, c.reg = take(dimPP, 2), take(dimMod, 1), take(dimReg, 3)
	return c
}

func (dims dim) size() uint {
	all := choice{pp: 3, mod11: 1, reg: 7, rm: 7, w: 1, l: 1, b: 1}
	return all.index(dims) + 1
}

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

type ruleFlags uint8

const (
	ruleLock    ruleFlags = 1 << iota // LOCK is allowed
	ruleVVVV                          // VEX.vvvv is an operand
	ruleVSIB                          // the memory operand's index is a vector
	ruleMod11                         // ModRM.mod is taken as 11B
	ruleSpecial                       // an operand is a segment, control or debug register
	ruleOpReg                         // the opcode holds a register
)

// pattern is a row's encoding made ready for matching. What does not matter is -1.
type pattern struct {
	m      Map
	op, n  int // n opcodes from op
	pp     uint8
	mod11  int8
	reg    int8
	rm     int8
	w      int8
	l      int8
	b      int8
	attr   attr
	modRM  bool
	rowID  RowID
	isVEX  bool
	noW32  bool
	hexLen int
}

func (p *pattern) dims() (d dim) {
	for _, x := range [...]struct {
		matters bool
		d       dim
	}{{p.pp != 15, dimPP}, {p.mod11 >= 0, dimMod}, {p.reg >= 0, dimReg}, {p.rm >= 0, dimRM}, {p.w >= 0, dimW}, {p.l >= 0, dimL}, {p.b >= 0, dimB}} {
		if x.matters {
			d |= x.d
		}
	}
	return d
}

func (p *pattern) matches(c *choice) bool {
	is := func(want int8, v uint8) bool { return want < 0 || uint8(want) == v }
	return p.pp>>c.pp&1 != 0 && is(p.mod11, c.mod11) && is(p.reg, c.reg) && is(p.rm, c.rm) && is(p.w, c.w) && is(p.l, c.l) && is(p.b, c.b)
}

func build() *decodeTables {
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
	for mode := range numModes {
		for m := range numMaps {
			for op := range 256 {
				t.nodes[mode][m][op] = t.node(patterns[m][op], mode)
			}
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
			if rows[k].matches(&c) {
				id = rows[k].rowID
				break
			}
		}
		t.leaves = append(t.leaves, id)
	}
	return n
}

// compile reads a row.
func compile(r *row) (pattern, rule) {
	p := pattern{pp: 15, mod11: -1, reg: -1, rm: -1, w: -1, l: -1, b: -1, n: 1, attr: r.attr}
	for token := range strings.FieldsSeq(r.enc) {
		p.token(token)
	}
	var ru rule
	if p.isVEX && p.pp == 15 {
		p.pp = 1 << PPNone
	}
	if r.attr&lock != 0 {
		ru.flags |= ruleLock
	}
	if p.n == 8 && p.m != MapOne || p.n == 8 && p.hexLen == 1 {
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
	case p.hexLen == 0 && p.m == MapOne && isPP && p.pp == 15:
		p.pp = 1 << pp
		return
	case p.hexLen == 0 && p.m == MapOne && s == "0F":
		p.m = Map0F
		return
	case p.hexLen == 0 && p.m == Map0F && s == "38":
		p.m = Map0F38
		return
	case p.hexLen == 0 && p.m == Map0F && s == "3A":
		p.m = Map0F3A
		return
	case p.hexLen == 0:
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
	p.hexLen++
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
