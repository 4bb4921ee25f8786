package engine

import (
	"unsafe"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// MaxHeap is the most that an engine keeps on Go's heap, in bytes, whatever its
// guest does: for RAM of so many page frames, and so many translations in the file.
// Records and what belongs to them lie in Config.Records, and are dropped when that
// is full. A profile, which grows without bound, is for training only.
func MaxHeap(g isa.ISA, frames, translations int) int {
	var (
		page     = int(unsafe.Sizeof(codePage{})) + maxStraddles(g)*int(unsafe.Sizeof(straddle{})) + 2*2 // free has room for twice
		target   = int(unsafe.Sizeof(jumpPage{})) + 2
		lifted   = int(unsafe.Sizeof(liftedInsn{})) + maxNodes*int(unsafe.Sizeof(ir.Node{}))
		reached  = int(unsafe.Sizeof(codeSet{})) + core.PageSize>>g.Align()/8 + 2*(8+8+1)
		decoding = 2 * (maxRun + 1) * int(unsafe.Sizeof(isa.Insn{})+unsafe.Sizeof(forward{})+2)
	)
	return 2*frames + maxPages*page + maxReach*reached + core.CodeModes*jumpPages*target +
		liftedEntries*lifted + decoding + translations*2*(8+8+1)
}

// maxNodes bounds an instruction's IR; a test lifts every form.
const maxNodes = 64

// maxStraddles is how many instructions can begin in a page and end behind it,
// rounded up to what a slice takes.
func maxStraddles(g isa.ISA) int { return ((g.MaxLen()-1)>>g.Align() + 7) &^ 7 }
