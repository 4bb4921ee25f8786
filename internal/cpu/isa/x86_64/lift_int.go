package x86_64

import "github.com/c2w/c2w/internal/cpu/ir"

// The flags are set behind the store, which may fault: an operation returns its
// result and what sets them.
type effect struct {
	r     ir.Value
	flags func()
}

func twoOperands(f func(x *lifter, a, b ir.Value) effect, writes bool) func(*lifter) {
	return func(x *lifter) {
		e := f(x, x.read(0), x.read(1))
		if writes {
			x.write(0, e.r)
		}
		e.flags()
	}
}

func oneOperand(f func(x *lifter, a ir.Value) effect) func(*lifter) {
	return func(x *lifter) {
		e := f(x, x.read(0))
		x.write(0, e.r)
		if e.flags != nil {
			e.flags()
		}
	}
}

func add(x *lifter, a, b ir.Value) effect {
	r := x.clip(x.Bin(ir.Add, a, b), x.size)
	return effect{r, func() { x.setC(x.Bin(ir.LtU, r, a)); x.setR(r); x.setK(x.carries(a, b, r)) }}
}

func sub(x *lifter, a, b ir.Value) effect {
	r := x.clip(x.Bin(ir.Sub, a, b), x.size)
	return effect{r, func() { x.setC(x.Bin(ir.LtU, a, b)); x.setR(r); x.setK(x.carries(a, b, r)) }}
}

// carryIn is CF as a value of the operation's size.
func (x *lifter) carryIn() ir.Value {
	if x.size == 8 {
		return x.Get(locG(slotC))
	}
	return x.carry()
}

func adc(x *lifter, a, b ir.Value) effect {
	half := x.clip(x.Bin(ir.Add, a, b), x.size)
	r := x.clip(x.Bin(ir.Add, half, x.carryIn()), x.size)
	c := x.Bin(ir.Or, x.Bin(ir.LtU, half, a), x.Bin(ir.LtU, r, half))
	return effect{r, func() { x.setC(c); x.setR(r); x.setK(x.carries(a, b, r)) }}
}

func sbb(x *lifter, a, b ir.Value) effect {
	in := x.carryIn()
	half := x.clip(x.Bin(ir.Sub, a, b), x.size)
	r := x.clip(x.Bin(ir.Sub, half, in), x.size)
	c := x.Bin(ir.Or, x.Bin(ir.LtU, a, b), x.Bin(ir.LtU, half, in))
	return effect{r, func() { x.setC(c); x.setR(r); x.setK(x.carries(a, b, r)) }}
}

func logic(op ir.Op) func(x *lifter, a, b ir.Value) effect {
	return func(x *lifter, a, b ir.Value) effect {
		r := x.Bin(op, a, b)
		return effect{r, func() { x.setC(x.Const32(0)); x.setR(r); x.setK(x.Const(0)) }}
	}
}

func step(op ir.Op) func(x *lifter, a ir.Value) effect {
	return func(x *lifter, a ir.Value) effect {
		one := x.konst(1, x.size)
		r := x.clip(x.Bin(op, a, one), x.size)
		// CF stays, and with it what K says of OF is to be in terms of it.
		return effect{r, func() {
			x.setR(r)
			k := x.carries(a, one, r)
			// OF is the carry into the uppermost bit, and out of it, which would be CF.
			var out ir.Value
			if op == ir.Add {
				out = x.Bin(ir.LtU, r, a)
			} else {
				out = x.Bin(ir.LtU, a, one)
			}
			differ := x.Bin(ir.Xor, x.Get(locG(slotC)), x.Un(ir.ExtU, out))
			x.setK(x.Bin(ir.Xor, k, x.Bin(ir.Shl, differ, x.Const(63))))
		}}
	}
}

func neg(x *lifter, a ir.Value) effect { return sub(x, x.konst(0, x.size), a) }

func not(x *lifter, a ir.Value) effect {
	return effect{r: x.clip(x.Bin(ir.Xor, a, x.konst(-1, x.size)), x.size)}
}

func move(x *lifter) { x.write(0, x.read(1)) }

func moveZero(x *lifter) {
	x.write(0, x.narrow(x.long(x.read(1), x.f.ops[1].size), x.f.ops[0].size))
}

func moveSigned(x *lifter) {
	x.write(0, x.narrow(x.signed(x.read(1), x.f.ops[1].size), x.f.ops[0].size))
}

func lea(x *lifter) { x.write(0, x.narrow(x.address(), x.size)) }

func exchange(x *lifter) {
	a, b := x.read(0), x.read(1)
	x.write(0, b) // memory, if any, first
	x.write(1, a)
}

func conditionalMove(cc uint8) func(*lifter) {
	return func(x *lifter) {
		v := x.read(1) // it faults whatever the condition
		x.write(0, x.Select(x.holds(cc), v, x.read(0)))
	}
}

func setByte(cc uint8) func(*lifter) {
	return func(x *lifter) {
		x.write(0, x.Bin(ir.Ne, x.holds(cc), x.Const32(0)))
	}
}

func jumpIf(cc uint8) func(*lifter) {
	return func(x *lifter) { x.BranchIf(x.holds(cc)) }
}

func (x *lifter) push(v ir.Value) {
	sp := x.Bin(ir.Sub, x.Get(locG(rSP)), x.Const(int64(x.size)))
	x.Store(x.size, sp, v)
	x.Set(locG(rSP), sp)
}

func (x *lifter) pop() ir.Value {
	sp := x.Get(locG(rSP))
	v := x.Load(x.size, false, sp)
	x.Set(locG(rSP), x.Bin(ir.Add, sp, x.Const(int64(x.size))))
	return x.narrow(v, x.size)
}

func push(x *lifter) { x.push(x.long(x.read(0), x.size)) }

// pop: an address with RSP in it is reckoned with RSP as it will be.
func pop(x *lifter) {
	if x.f.ops[0].in != inMem {
		x.write(0, x.pop())
		return
	}
	sp := x.Get(locG(rSP))
	v := x.narrow(x.Load(x.size, false, sp), x.size)
	sp = x.Bin(ir.Add, sp, x.Const(int64(x.size)))
	x.Forward(locG(rSP), sp)
	x.write(0, v)
	x.Set(locG(rSP), sp)
}

func call(x *lifter) { x.push(x.NextPC()); x.Goto() }

func callIndirect(x *lifter) {
	to := x.read(0)
	x.push(x.NextPC())
	x.JumpInd(to)
}

func jump(x *lifter)         { x.Goto() }
func jumpIndirect(x *lifter) { x.JumpInd(x.read(0)) }
func ret(x *lifter)          { x.JumpInd(x.pop()) }

func leave(x *lifter) {
	bp := x.Get(locG(rBP))
	v := x.narrow(x.Load(x.size, false, bp), x.size)
	x.Set(locG(rSP), x.Bin(ir.Add, bp, x.Const(int64(x.size))))
	x.Set(locG(rBP), x.merge(func() ir.Value { return bp }, v, x.size, false))
}

// extendA is CBW, CWDE and CDQE.
func extendA(x *lifter) {
	v := x.narrow(x.Get(locG(rAX)), x.size/2)
	x.Set(locG(rAX), x.merge(func() ir.Value { return x.Get(locG(rAX)) }, x.narrow(x.signed(v, x.size/2), x.size), x.size, false))
}

// signA is CWD, CDQ and CQO.
func signA(x *lifter) {
	v := x.Bin(ir.ShrS, x.signed(x.narrow(x.Get(locG(rAX)), x.size), x.size), x.Const(63))
	x.Set(locG(rDX), x.merge(func() ir.Value { return x.Get(locG(rDX)) }, x.narrow(v, x.size), x.size, false))
}

func bswap(x *lifter) {
	v := x.read(0)
	if x.size == 8 {
		x.write(0, x.swap64(v))
		return
	}
	v = x.Bin(ir.ShrU, x.swap64(x.Un(ir.ExtU, v)), x.Const(32))
	x.write(0, x.Un(ir.Wrap, v))
}

func (x *lifter) swap64(v ir.Value) ir.Value {
	for _, s := range []struct{ shift, mask int64 }{{8, 0x00ff00ff00ff00ff}, {16, 0x0000ffff0000ffff}} {
		m, n := x.Const(s.mask), x.Const(s.shift)
		v = x.Bin(ir.Or, x.Bin(ir.Shl, x.Bin(ir.And, v, m), n), x.Bin(ir.And, x.Bin(ir.ShrU, v, n), m))
	}
	return x.Bin(ir.Rotl, v, x.Const(32))
}

// multiply is IMUL with two or three operands.
func multiply(first int) func(*lifter) {
	return func(x *lifter) {
		a, b := x.read(first), x.read(first+1)
		var r, over ir.Value
		if x.size == 8 {
			r = x.Bin(ir.Mul, a, b)
			over = x.Bin(ir.Ne, x.Bin(ir.MulHS, a, b), x.Bin(ir.ShrS, r, x.Const(63)))
		} else {
			full := x.Bin(ir.Mul, x.signed(a, x.size), x.signed(b, x.size))
			r = x.narrow(full, x.size)
			over = x.Bin(ir.Ne, full, x.signed(r, x.size))
		}
		x.write(0, r)
		x.setC(over)
		x.setR(r)
		x.setK(x.Const(0))
	}
}

// A shift's count is taken modulo the width of the operation, but 32 for what is
// shorter. Without a count nothing changes but, of 32-bit registers, the upper half.
func shift(op ir.Op) func(*lifter) {
	return func(x *lifter) {
		a := x.read(0)
		mask := int64(31)
		if x.size == 8 {
			mask = 63
		}
		n := x.Bin(ir.And, x.long(x.read(1), x.f.ops[1].size), x.Const(mask))
		width := int64(8 * x.size)
		w := x.long(a, x.size) // 64 bits, in which nothing short is lost
		less := x.Bin(ir.Sub, n, x.Const(1))
		one := x.Const(1)
		var r, c, k ir.Value
		switch op {
		case ir.Shl:
			full := x.Bin(ir.Shl, w, n)
			r = x.narrow(full, x.size)
			if x.size == 8 {
				c = x.Bin(ir.ShrU, x.Bin(ir.Shl, w, less), x.Const(63))
			} else {
				c = x.Bin(ir.And, x.Bin(ir.ShrU, full, x.Const(width)), one)
			}
			k = x.Bin(ir.And, x.widen(r), x.Const(kCarry))
		case ir.ShrU:
			r = x.narrow(x.Bin(ir.ShrU, w, n), x.size)
			c = x.Bin(ir.And, x.Bin(ir.ShrU, w, less), one)
			k = x.Bin(ir.And, x.Bin(ir.Xor, x.widen(a), x.Bin(ir.Shl, c, x.Const(63))), x.Const(kCarry))
		default:
			s := x.widen(a)
			r = x.narrow(x.Bin(ir.ShrS, s, n), x.size)
			c = x.Bin(ir.And, x.Bin(ir.ShrS, s, less), one)
			k = x.Bin(ir.Shl, c, x.Const(63))
		}
		if v, ok := x.IsConst(n); ok && v == 0 {
			x.write(0, a)
			return
		}
		x.write(0, r)
		any := x.Un(ir.Eqz, x.Un(ir.Eqz, n))
		keep := func(slot int, v ir.Value) { x.Set(locG(slot), x.Select(any, v, x.Get(locG(slot)))) }
		keep(slotC, c)
		keep(slotR, x.widen(r))
		keep(slotK, k)
	}
}

// rotate by a constant.
func rotate(left bool) func(*lifter) {
	return func(x *lifter) {
		a := x.read(0)
		mask := int64(31)
		if x.size == 8 {
			mask = 63
		}
		width := int64(8 * x.size)
		n := x.Bin(ir.And, x.long(x.read(1), x.f.ops[1].size), x.Const(mask))
		w := x.long(a, x.size)
		by := x.Bin(ir.And, n, x.Const(width-1))
		back := x.Bin(ir.And, x.Bin(ir.Sub, x.Const(width), by), x.Const(width-1))
		if !left {
			by, back = back, by
		}
		r := x.narrow(x.Bin(ir.Or, x.Bin(ir.Shl, w, by), x.Bin(ir.ShrU, w, back)), x.size)
		x.write(0, r)
		s := x.widen(r)
		var c, k ir.Value
		if left {
			c = x.Bin(ir.And, s, x.Const(1))
			k = s
		} else {
			c = x.Bin(ir.ShrU, s, x.Const(63))
			k = x.Bin(ir.Shl, x.long(r, x.size), x.Const(65-width)) // the bit below the uppermost
		}
		old := x.Get(locG(slotK))
		k = x.Bin(ir.Or, x.Bin(ir.And, k, x.Const(kCarry)), x.Bin(ir.And, old, x.Const(^kCarry)))
		any := x.Un(ir.Eqz, x.Un(ir.Eqz, n))
		x.Set(locG(slotC), x.Select(any, c, x.Get(locG(slotC))))
		x.Set(locG(slotK), x.Select(any, k, old))
	}
}
