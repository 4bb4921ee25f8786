package emit

import (
	"slices"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/wasm"
)

// output is a function being emitted: what its blocks share.
type output struct {
	f    *wasm.Func
	c    *wasm.Code
	fn   *funcs
	free temporaries
	addr uint32    // i64 local: guest virtual address of the current access
	ent  uint32    // i32 local: TLB entry, or address in the host
	fp   [3]uint32 // scratch locals of float.go, 0 where there is none yet
}

// temporaries are locals that hold nothing: i32, i64, f64.
type temporaries [3][]uint32

func (t temporaries) clone() (c temporaries) {
	for i := range t {
		c[i] = slices.Clone(t[i])
	}
	return c
}

// lowering emits one block into a function.
type lowering struct {
	*output
	t    tier
	b    *ir.Block
	uses []int32 // uses not emitted yet
	held []int32 // local that holds the value, or -1
	temp []bool  // held is a temporary of ours
	// float64s says that held is an f64.
	float64s []bool
	insn     []int32        // index of the Insn node that a node belongs to
	cur      int            // node whose exits are being emitted
	groups   map[int]*group // by access
}

// funcs names the helper functions that lowered code calls.
type funcs struct {
	mulHU, mulHS, mulHSU int                 // symbols
	fp                   [ir.NumFP]int       // symbols of the helpers in fphelpers.go and fpchoice.go, where there is one
	soft                 softFuncs           // symbols of exact arithmetic
	call                 [core.CodeModes]int // symbols of Core.caller
}

func newOutput(f *wasm.Func, fn *funcs) *output {
	return &output{f: f, c: &f.Body, fn: fn, addr: f.AddLocal(wasm.I64), ent: f.AddLocal(wasm.I32)}
}

func newLowering(t tier, o *output) *lowering { return &lowering{output: o, t: t} }

// valType is the Wasm type of an IR type.
func valType(t ir.Type) wasm.ValType {
	return [...]wasm.ValType{ir.I32: wasm.I32, ir.I64: wasm.I64, typeF64: wasm.F64}[t]
}

func (o *output) alloc(t ir.Type) uint32 {
	p := &o.free[t-ir.I32]
	if n := len(*p); n > 0 {
		v := (*p)[n-1]
		*p = (*p)[:n-1]
		return v
	}
	return o.f.AddLocal(valType(t))
}

func (o *output) release(t ir.Type, local uint32) {
	o.free[t-ir.I32] = append(o.free[t-ir.I32], local)
}

// block emits a block with its terminator.
func (l *lowering) block(b *ir.Block) {
	l.b = b
	n := len(b.Nodes)
	l.uses = append(l.uses[:0], make([]int32, n)...)
	l.held = append(l.held[:0], make([]int32, n)...)
	l.temp = append(l.temp[:0], make([]bool, n)...)
	l.float64s = append(l.float64s[:0], make([]bool, n)...)
	l.insn = insnsOf(b)
	for i := range b.Nodes {
		l.held[i] = -1
		for _, a := range b.Nodes[i].Args {
			if a >= 0 {
				l.uses[a]++
			}
		}
	}
	l.findGroups()
	for i := range b.Nodes {
		l.cur = i
		if b.Nodes[i].Op == ir.Insn {
			l.c.Mark(int32(b.Nodes[i].Imm))
		}
		if b.Nodes[i].Op.Terminator() {
			l.t.terminator(l, &b.Nodes[i])
			return
		}
		l.statement(i)
	}
	l.t.terminator(l, nil)
}

// offset is where the instruction being emitted lies in its page.
func (l *lowering) offset() int { return int(l.b.Nodes[l.insn[l.cur]].Imm) }

func lazy(op ir.Op) bool {
	return op.Pure() || op == ir.Get || op == ir.PC || op == ir.NextPC || op == ir.Insn
}

func (l *lowering) statement(i int) {
	n := &l.b.Nodes[i]
	switch n.Op {
	case ir.Set:
		l.t.set(l, n.Loc, n.Args[0])
	case ir.Load, ir.AtomicOp, ir.Float:
		if l.uses[i] == 1 && l.consumedNext(i) {
			return
		}
		if l.uses[i] > 0 {
			l.force(ir.Value(i))
			return
		}
		l.compute(ir.Value(i))
		l.c.Drop()
	case ir.Store:
		off := l.access(n, core.KindWrite)
		if l.storeF64(n, off) {
			return
		}
		l.need(n.Args[1])
		l.c.Mem(storeOp(n.Aux), align(n.Aux), off)
	case ir.StoreIf:
		l.force(n.Args[1])
		host := l.alloc(ir.I32)
		l.access(n, core.KindWrite)
		l.c.LocalSet(host)
		l.need(n.Args[2])
		l.c.If(wasm.Void)
		l.c.LocalGet(host)
		l.need(n.Args[1])
		l.c.Mem(storeOp(n.Aux), align(n.Aux), 0)
		l.c.End()
		l.release(ir.I32, host)
	case ir.ExitIf:
		l.t.ready(l)
		l.need(n.Args[0])
		l.t.exitIf(l)
	case ir.IRQCheck:
		l.t.ready(l)
		l.t.irqCheck(l)
	default:
		if !lazy(n.Op) {
			panic("BUG: emit: statement " + n.Op.String())
		}
	}
}

// consumedNext reports whether the value of effect node i may be computed in
// the middle of the next effect node: it is part of its operands, and nothing
// observable lies between.
func (l *lowering) consumedNext(i int) bool {
	for j := i + 1; j < len(l.b.Nodes); j++ {
		n := &l.b.Nodes[j]
		if lazy(n.Op) {
			continue
		}
		switch n.Op {
		case ir.Set:
			// Older readers of the slot are saved before the operand is
			// computed, which is harmless.
			return l.t.setsNow() && l.reaches(n.Args[0], ir.Value(i))
		case ir.Load, ir.ExitIf, ir.JumpInd, ir.Enter:
			return l.insn[i] == l.insn[j] && l.reaches(n.Args[0], ir.Value(i))
		}
		return false
	}
	return false
}

func (l *lowering) reaches(v, target ir.Value) bool {
	if v == target {
		return true
	}
	if v < 0 || l.held[v] >= 0 || !l.b.Nodes[v].Op.Pure() {
		return false
	}
	for _, a := range l.b.Nodes[v].Args {
		if a >= 0 && l.reaches(a, target) {
			return true
		}
	}
	return false
}

// pushFor pushes a value for a slot and says that it is an f64 on the stack.
func (l *lowering) pushFor(loc ir.Loc, v ir.Value) (f64 bool) {
	if l.t.floatSlot(loc) || l.held[v] < 0 && l.native64(v) {
		l.needF64(v)
		return true
	}
	l.need(v)
	return false
}

// beforeSet saves values that still have to be read from a slot which is about
// to change, among the first nodes. v, the new value, is consumed by the Set
// itself.
func (l *lowering) beforeSet(loc ir.Loc, v ir.Value, nodes int) {
	for j := 0; j < nodes; j++ {
		n := &l.b.Nodes[j]
		if n.Op != ir.Get || l.uses[j] == 0 || l.held[j] >= 0 && l.temp[j] {
			continue
		}
		if n.Loc != loc && n.Loc.Field == ir.FieldNone && loc.Field == ir.FieldNone {
			continue
		}
		if n.Type == ir.I32 || l.uses[j] == 1 && l.onlyIn(v, ir.Value(j)) {
			continue
		}
		l.force(ir.Value(j))
	}
	// Values that were written to this slot and are read from its home since:
	// results, and what was copied from another slot.
	for j := 0; j < nodes; j++ {
		if l.held[j] >= 0 && !l.temp[j] && l.uses[j] > 0 && l.t.home(l.held[j]) == loc {
			l.save(ir.Value(j))
		}
	}
}

// onlyIn reports whether the last use of get is inside the tree of v.
func (l *lowering) onlyIn(v, get ir.Value) bool { return l.reaches(v, get) }

// save copies a value that lives in a register's home to a temporary.
func (l *lowering) save(v ir.Value) {
	t := l.heldType(v)
	l.c.LocalGet(uint32(l.held[v]))
	l.holdAs(v, t)
	l.c.LocalSet(uint32(l.held[v]))
}

// force computes a value into a local now, unless it is a constant.
func (l *lowering) force(v ir.Value) {
	if l.held[v] >= 0 || l.b.Nodes[v].Op == ir.Const {
		return
	}
	if l.native64(v) {
		l.forceF64(v)
		return
	}
	l.compute(v)
	l.hold(v)
	l.c.LocalSet(uint32(l.held[v]))
}

func (l *lowering) hold(v ir.Value) { l.holdAs(v, l.b.Type(v)) }

func (l *lowering) holdAs(v ir.Value, t ir.Type) {
	l.held[v], l.temp[v], l.float64s[v] = int32(l.alloc(t)), true, t == typeF64
}

// heldType is the type of the local that holds a value.
func (l *lowering) heldType(v ir.Value) ir.Type {
	if l.float64s[v] {
		return typeF64
	}
	return l.b.Type(v)
}

// need pushes a value and counts one use.
func (l *lowering) need(v ir.Value) {
	n := &l.b.Nodes[v]
	l.uses[v]--
	if l.held[v] >= 0 {
		l.c.LocalGet(uint32(l.held[v]))
		if l.uses[v] == 0 && l.temp[v] {
			l.release(l.heldType(v), uint32(l.held[v]))
		}
		if l.float64s[v] {
			l.c.Op(wasm.OpI64ReinterpretF64)
		}
		return
	}
	l.compute(v)
	if l.uses[v] > 0 && n.Op != ir.Const && !l.cheapAgain(v) {
		l.hold(v)
		l.c.LocalTee(uint32(l.held[v]))
	}
}

// drop gives up one use of a value that is not needed after all.
func (l *lowering) drop(v ir.Value) {
	n := &l.b.Nodes[v]
	if l.uses[v]--; l.uses[v] > 0 {
		return
	}
	if l.held[v] >= 0 {
		if l.temp[v] {
			l.release(l.heldType(v), uint32(l.held[v]))
		}
		return
	}
	if n.Op.Pure() {
		for _, a := range n.Args {
			if a >= 0 {
				l.drop(a)
			}
		}
	}
}

// cheapAgain says that recomputing is as cheap as a local.
func (l *lowering) cheapAgain(v ir.Value) bool {
	n := &l.b.Nodes[v]
	if n.Op != ir.Get {
		return false
	}
	return l.t.cached(n.Loc)
}

// compute pushes the value of a node that is not held.
func (l *lowering) compute(v ir.Value) {
	n := &l.b.Nodes[v]
	saved := l.cur
	if !lazy(n.Op) || n.Op == ir.PC || n.Op == ir.NextPC {
		l.cur = int(v)
	}
	defer func() { l.cur = saved }()
	switch n.Op {
	case ir.Const:
		if n.Type == ir.I32 {
			l.c.I32Const(int32(n.Imm))
		} else {
			l.c.I64Const(n.Imm)
		}
	case ir.Operand:
		l.t.operand(l, int(n.Imm))
	case ir.PC, ir.NextPC:
		l.t.pc(l, n.Op == ir.NextPC)
	case ir.Get:
		l.t.get(l, n.Loc, n.Type)
	case ir.Select:
		l.need(n.Args[1])
		l.need(n.Args[2])
		l.need(n.Args[0])
		l.c.Select()
	case ir.Load:
		off := l.access(n, 0)
		l.c.Mem(loadOp(n.Aux, n.Aux2 == ir.LoadSigned), align(n.Aux), off)
	case ir.AtomicOp:
		l.atomic(n)
	case ir.Float:
		l.float(n)
		if result64(ir.FP(n.Imm)) {
			l.c.Op(wasm.OpI64ReinterpretF64)
		}
	case ir.MulHU, ir.MulHS, ir.MulHSU:
		l.need(n.Args[0])
		l.need(n.Args[1])
		l.c.CallSym(map[ir.Op]int{ir.MulHU: l.fn.mulHU, ir.MulHS: l.fn.mulHS, ir.MulHSU: l.fn.mulHSU}[n.Op])
	default:
		for k := 0; k < n.Op.Args(); k++ {
			l.need(n.Args[k])
		}
		op := wasmOps[n.Op]
		if l.b.Type(n.Args[0]) == ir.I32 {
			l.c.Op(op.i32)
		} else {
			l.c.Op(op.i64)
		}
	}
}

// access pushes the linear address of a guest memory access, to which the
// returned offset belongs, leaving if the TLB does not have it.
func (l *lowering) access(n *ir.Node, write uint32) (offset uint32) {
	kind := uint32(align(n.Aux)) | write
	l.t.ready(l)
	if g := l.groups[l.cur]; g != nil && n == &l.b.Nodes[l.cur] {
		return l.member(g, n, kind)
	}
	which := core.ReadTLB
	if write != 0 {
		which = core.WriteTLB
	}
	if l.t.accessByCopy(l, n, which, kind) {
		return 0
	}
	l.search(which, kind, n.Aux, func() { l.need(n.Args[0]) })
	return 0
}

func (l *lowering) atomic(n *ir.Node) {
	l.force(n.Args[1])
	l.access(n, core.KindWrite)
	host, old, val := l.alloc(ir.I32), l.alloc(ir.I64), l.alloc(ir.I64)
	l.c.LocalTee(host)
	l.c.Mem(loadOp(n.Aux, true), align(n.Aux), 0)
	l.c.LocalSet(old)
	l.need(n.Args[1])
	if n.Aux == 4 {
		l.c.Op(wasm.OpI64Extend32S)
	}
	l.c.LocalSet(val)
	l.c.LocalGet(host)
	op := ir.Atomic(n.Aux2)
	switch op {
	case ir.AtomicSwap:
		l.c.LocalGet(val)
	case ir.AtomicMin, ir.AtomicMax, ir.AtomicMinU, ir.AtomicMaxU:
		l.c.LocalGet(val)
		l.c.LocalGet(old)
		l.c.LocalGet(val)
		l.c.LocalGet(old)
		l.c.Op(map[ir.Atomic]wasm.Opcode{ir.AtomicMin: wasm.OpI64LtS, ir.AtomicMax: wasm.OpI64GtS,
			ir.AtomicMinU: wasm.OpI64LtU, ir.AtomicMaxU: wasm.OpI64GtU}[op])
		l.c.Select()
	default:
		l.c.LocalGet(old)
		l.c.LocalGet(val)
		l.c.Op(map[ir.Atomic]wasm.Opcode{ir.AtomicAdd: wasm.OpI64Add, ir.AtomicXor: wasm.OpI64Xor,
			ir.AtomicAnd: wasm.OpI64And, ir.AtomicOr: wasm.OpI64Or}[op])
	}
	l.c.Mem(storeOp(n.Aux), align(n.Aux), 0)
	l.c.LocalGet(old)
	l.release(ir.I32, host)
	l.release(ir.I64, old)
	l.release(ir.I64, val)
}

func align(size uint8) uint32 {
	switch size {
	case 1:
		return 0
	case 2:
		return 1
	case 4:
		return 2
	}
	return 3
}

func loadOp(size uint8, signed bool) wasm.Opcode {
	switch {
	case size == 8:
		return wasm.OpI64Load
	case size == 4 && signed:
		return wasm.OpI64Load32S
	case size == 4:
		return wasm.OpI64Load32U
	case size == 2 && signed:
		return wasm.OpI64Load16S
	case size == 2:
		return wasm.OpI64Load16U
	case signed:
		return wasm.OpI64Load8S
	}
	return wasm.OpI64Load8U
}

func storeOp(size uint8) wasm.Opcode {
	switch size {
	case 8:
		return wasm.OpI64Store
	case 4:
		return wasm.OpI64Store32
	case 2:
		return wasm.OpI64Store16
	}
	return wasm.OpI64Store8
}

type opPair struct{ i32, i64 wasm.Opcode }

// wasmOps maps pure operations by the type of their first operand.
var wasmOps = map[ir.Op]opPair{
	ir.Add: {wasm.OpI32Add, wasm.OpI64Add}, ir.Sub: {wasm.OpI32Sub, wasm.OpI64Sub}, ir.Mul: {wasm.OpI32Mul, wasm.OpI64Mul},
	ir.And: {wasm.OpI32And, wasm.OpI64And}, ir.Or: {wasm.OpI32Or, wasm.OpI64Or}, ir.Xor: {wasm.OpI32Xor, wasm.OpI64Xor},
	ir.Shl: {wasm.OpI32Shl, wasm.OpI64Shl}, ir.ShrS: {wasm.OpI32ShrS, wasm.OpI64ShrS}, ir.ShrU: {wasm.OpI32ShrU, wasm.OpI64ShrU},
	ir.Rotl: {wasm.OpI32Rotl, wasm.OpI64Rotl}, ir.Rotr: {wasm.OpI32Rotr, wasm.OpI64Rotr},
	ir.DivS: {wasm.OpI32DivS, wasm.OpI64DivS}, ir.DivU: {wasm.OpI32DivU, wasm.OpI64DivU},
	ir.RemS: {wasm.OpI32RemS, wasm.OpI64RemS}, ir.RemU: {wasm.OpI32RemU, wasm.OpI64RemU},
	ir.Clz: {wasm.OpI32Clz, wasm.OpI64Clz}, ir.Ctz: {wasm.OpI32Ctz, wasm.OpI64Ctz}, ir.Popcnt: {wasm.OpI32Popcnt, wasm.OpI64Popcnt},
	ir.Ext8: {wasm.OpI32Extend8S, wasm.OpI64Extend8S}, ir.Ext16: {wasm.OpI32Extend16S, wasm.OpI64Extend16S}, ir.Ext32: {0, wasm.OpI64Extend32S},
	ir.Wrap: {0, wasm.OpI32WrapI64}, ir.ExtS: {wasm.OpI64ExtendI32S, 0}, ir.ExtU: {wasm.OpI64ExtendI32U, 0},
	ir.Eqz: {wasm.OpI32Eqz, wasm.OpI64Eqz}, ir.Eq: {wasm.OpI32Eq, wasm.OpI64Eq}, ir.Ne: {wasm.OpI32Ne, wasm.OpI64Ne},
	ir.LtS: {wasm.OpI32LtS, wasm.OpI64LtS}, ir.LtU: {wasm.OpI32LtU, wasm.OpI64LtU},
	ir.GeS: {wasm.OpI32GeS, wasm.OpI64GeS}, ir.GeU: {wasm.OpI32GeU, wasm.OpI64GeU},
}
