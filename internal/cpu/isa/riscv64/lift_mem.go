package riscv64

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

func address(l *isa.Lift) ir.Value { return l.Bin(ir.Add, l.B(), l.Imm()) }

func load(size int, signed bool) lifter {
	return func(l *isa.Lift) { l.SetA(l.Load(size, signed, address(l))) }
}

func store(size int) lifter {
	return func(l *isa.Lift) { l.Store(size, address(l), l.C()) }
}

// aligned leaves to Go unless addr is a multiple of size: the "A" extension
// gives a misaligned access an exception even where plain ones are carried out.
func aligned(l *isa.Lift, addr ir.Value, size int) {
	l.ExitIf(l.Bin(ir.Ne, l.Bin(ir.And, addr, l.Const(int64(size-1))), l.Const(0)))
}

func atomic(op ir.Atomic, size int) lifter {
	return func(l *isa.Lift) {
		addr, v := l.B(), l.C()
		aligned(l, addr, size)
		l.SetA(l.Atomic(op, size, addr, v))
	}
}

var reservation = ir.Loc{Off: uint16(core.OffResv)}

func loadReserved(size int) lifter {
	return func(l *isa.Lift) {
		addr := l.B()
		aligned(l, addr, size)
		v := l.Load(size, size == 4, addr)
		l.Set(reservation, addr)
		l.SetA(v)
	}
}

func storeConditional(size int) lifter {
	return func(l *isa.Lift) {
		addr, v := l.B(), l.C()
		aligned(l, addr, size)
		held := l.Bin(ir.Eq, l.Get(reservation), addr)
		l.StoreIf(size, held, addr, v)
		noResv := core.NoResv
		l.Set(reservation, l.Const(int64(noResv)))
		l.SetA(l.Un(ir.ExtU, l.Un(ir.Eqz, held)))
	}
}
