package x86_64

import (
	"strings"
	"sync"

	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// meaning is what a row of the table does.
type meaning struct {
	lift func(*lifter)
	flow isa.Flow
	rank int
}

// conditions are the suffixes of Jcc, SETcc and CMOVcc by their encoding.
var conditions = strings.Fields("O NO B AE E NE BE A S NS P NP L GE LE G")

// meanings are by the row's name. Rows that are not here, and those with operands
// that are none of operandOf's, are executed by nobody yet: they raise #UD.
var meanings = func() map[string]meaning {
	m := map[string]meaning{
		"ADD": {lift: twoOperands(add, true)}, "ADC": {lift: twoOperands(adc, true)},
		"SUB": {lift: twoOperands(sub, true)}, "SBB": {lift: twoOperands(sbb, true)},
		"CMP": {lift: twoOperands(sub, false)}, "TEST": {lift: twoOperands(logic(ir.And), false)},
		"AND": {lift: twoOperands(logic(ir.And), true)}, "OR": {lift: twoOperands(logic(ir.Or), true)},
		"XOR": {lift: twoOperands(logic(ir.Xor), true)},
		"INC": {lift: oneOperand(step(ir.Add))}, "DEC": {lift: oneOperand(step(ir.Sub))},
		"NEG": {lift: oneOperand(neg)}, "NOT": {lift: oneOperand(not)},
		"MOV": {lift: move}, "MOVZX": {lift: moveZero}, "MOVSX": {lift: moveSigned}, "MOVSXD": {lift: moveSigned},
		"LEA": {lift: lea}, "XCHG": {lift: exchange}, "NOP": {lift: func(*lifter) {}}, "BSWAP": {lift: bswap},
		"PUSH": {lift: push}, "POP": {lift: pop}, "LEAVE": {lift: leave},
		"CBW/CWDE/CDQE": {lift: extendA}, "CWD/CDQ/CQO": {lift: signA},
		"SHL": {lift: shift(ir.Shl), rank: 1}, "SHR": {lift: shift(ir.ShrU), rank: 1}, "SAR": {lift: shift(ir.ShrS), rank: 1},
		"ROL": {lift: rotate(true), rank: 1}, "ROR": {lift: rotate(false), rank: 1},
		"RET": {lift: ret, flow: isa.FlowInd},
	}
	for cc, name := range conditions {
		m["J"+name] = meaning{lift: jumpIf(uint8(cc)), flow: isa.FlowBranch}
		m["SET"+name] = meaning{lift: setByte(uint8(cc))}
		m["CMOV"+name] = meaning{lift: conditionalMove(uint8(cc))}
	}
	return m
}()

// meaningOf is a row's, with those that operands tell apart.
func meaningOf(r *row) (meaning, bool) {
	switch r.name + " " + r.ops {
	case "JMP Jz", "JMP Jb":
		return meaning{lift: jump, flow: isa.FlowJump}, true
	case "JMP Ev":
		return meaning{lift: jumpIndirect, flow: isa.FlowInd}, true
	case "CALL Jz":
		return meaning{lift: call, flow: isa.FlowCall}, true
	case "CALL Ev":
		return meaning{lift: callIndirect, flow: isa.FlowIndCall}, true
	case "IMUL Gv,Ev":
		return meaning{lift: multiply(0), rank: 1}, true
	case "IMUL Gv,Ev,Iz", "IMUL Gv,Ev,Ibs":
		return meaning{lift: multiply(1), rank: 1}, true
	case "POP Ev":
		// Its lifter has to know whether the base is RSP, which a record does not say.
		return meaning{lift: pop, rank: 2}, true
	case "RET Iw":
		return meaning{}, false
	}
	m, ok := meanings[r.name]
	return m, ok
}

// place is where an operand is.
type place uint8

const (
	inA    place = iota // register of field A
	inB                 // register of field B
	inMem               // memory of ModRM
	inImm               // immediate
	inSlot              // a register that the row names
	inOne               // the number one
)

// slotted is an operand of a form.
type slotted struct {
	in   place
	size int // bytes
	slot int // of inSlot
}

// formKey is a form: a row, the size of the operation, and the kinds of operands.
type formKey struct {
	row   RowID
	size  int
	shape opShape
	ops   []slotted
	// imm says that the row has an immediate.
	imm bool
}

// table is all forms, and how a decoded instruction finds its own.
type table struct {
	infos []isa.FormInfo
	keys  []formKey
	find  map[findKey]isa.Form
	ops   [][]operand // by row
}

type findKey struct {
	row   RowID
	size  uint8
	shape opShape
}

var theTable = sync.OnceValue(makeTable)

func makeTable() *table {
	t := &table{find: map[findKey]isa.Form{}}
	t.infos = append(t.infos, isa.FormInfo{Name: "undefined", Flow: isa.FlowSingle, Rank: 2})
	t.keys = append(t.keys, formKey{})
	t.ops = make([][]operand, NumRows())
	for id := firstRow; int(id) < NumRows(); id++ {
		r := id.row()
		t.ops[id] = r.operands()
		m, ok := meaningOf(r)
		if !ok || r.attr&i64 != 0 {
			continue
		}
		_, ru := compile(r)
		seen := map[uint8]bool{}
		for _, size := range opSizes[Mode64][ru.size] {
			if !seen[size] {
				seen[size] = true
				t.addForms(id, r, m, size)
			}
		}
	}
	return t
}

// addForms adds a row's forms for one size.
func (t *table) addForms(id RowID, r *row, m meaning, size uint8) {
	for s := range opShape(opShapes) {
		ops, ok := operandsOf(r, int(size), s)
		if !ok {
			continue
		}
		key := formKey{row: id, size: max(int(size), 1), shape: s, ops: ops}
		for _, o := range ops {
			key.imm = key.imm || o.in == inImm
		}
		if s&inMemory != 0 && s&anyAddress == 0 && key.imm {
			continue // no room for both
		}
		info := isa.FormInfo{Name: r.name, Flow: m.flow, Rank: m.rank}
		if s&^inMemory != 0 {
			info.Rank = 2
		}
		n := len(t.keys)
		info.Lift = func(l *isa.Lift) {
			k := &t.keys[n]
			m.lift(&lifter{Lift: l, f: k, size: k.size, addr: ir.NoValue})
		}
		t.find[findKey{id, size, s}] = isa.Form(n)
		t.infos, t.keys = append(t.infos, info), append(t.keys, key)
	}
}

// operandsOf is where a row's operands are in a shape; ok is false if the row has no
// such shape, or an operand that nobody reads yet.
func operandsOf(r *row, size int, s opShape) (list []slotted, ok bool) {
	mem, bytes, wide := false, [2]bool{}, false
	if s&anyAddress != 0 && s&inMemory == 0 {
		return nil, false
	}
	// The first general register is in field A, the second in B. Beside memory, whose
	// base is in B, there is only one.
	next := inA
	for _, o := range r.operands() {
		w := map[typ]int{tB: 1, tBS: size, tW: 2, tD: 4, tQ: 8, tV: size, tZ: min(size, 4), tY: size, tDS: 4}[o.typ]
		if o.typ == tDS && size == 2 {
			w = 2
		}
		switch {
		case o.method == 'M' || o.method == 'E' && s&inMemory != 0:
			if s&inMemory == 0 {
				return nil, false
			}
			mem = true
			list = append(list, slotted{in: inMem, size: w})
		case o.method == 'E' || o.method == 'G' || o.method == 'Z':
			if w == 0 || next > inB {
				return nil, false
			}
			bytes[next] = w == 1
			list = append(list, slotted{in: next, size: w})
			next++
		case o.method == 'I':
			// Decode has extended it: from a byte with its sign to the size of the
			// operation, from a doubleword to a quadword.
			if o.typ == tZ {
				w = size
			}
			wide = wide || o.typ == tV && size == 8
			list = append(list, slotted{in: inImm, size: w})
		case o.method == 'J':
		case o.method == regAX:
			list = append(list, slotted{in: inSlot, size: w, slot: rAX})
		case o.method == fixed && o.text == "CL":
			list = append(list, slotted{in: inSlot, size: 1, slot: rCX})
		case o.method == fixed && o.text == "1":
			list = append(list, slotted{in: inOne, size: 1})
		default:
			return nil, false
		}
	}
	if s&inMemory != 0 && !mem || s&highA != 0 && !bytes[0] || s&highB != 0 && !bytes[1] || s&wideImm != 0 && !wide || mem && s&highB != 0 {
		return nil, false
	}
	return list, true
}
