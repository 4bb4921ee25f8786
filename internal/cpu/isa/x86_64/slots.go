package x86_64

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
)

// Indices into core.State.G. The general registers come first, by their encoding.
const (
	rAX = iota
	rCX
	rDX
	rBX
	rSP
	rBP
	rSI
	rDI

	slotC = 16 // the carry flag; see flags.go
	slotR = 17 // the result that flags tell of
	slotK = 18 // what is carried
)

func offG(n int) uint16 { return uint16(core.OffG + 8*n) }

func locG(n int) ir.Loc { return ir.Loc{Off: offG(n)} }

// Layout lists the indices.
func (guest) Layout() []int { return []int{rAX, rSP, slotC, slotR, slotK} }
