package emit

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/wasm"
)

// An instruction that ends in the next page is translated with its first page, if
// what lies behind that in the program is known. It is part of the function only
// where both pages hold what it was made from, which is known by the jump cache
// alone: an entry of an address in the one page stands for the frame of the other
// as well, and the engine gives it a target only if the other's first bytes are
// Page.Tail. So the instruction is an entry, and code of the function that comes
// to it asks the jump cache, as it does for another page (guard in calls.go).

// straddles reports whether the block is an instruction that ends in the next
// page.
func (b *block) straddles() bool { return b.end > core.PageSize && !b.cold }

// jumpStraddle goes along an edge of the current node to such an instruction, if
// it is what the function was made from.
func (p *page) jumpStraddle(off int, e graph.Edge) {
	if p.links != nil {
		if self, ok := p.links(off); ok {
			p.writeBack(p.node)
			other := p.c.Block(wasm.Void)
			p.match(off, self, other)
			p.leaveNumber(e)
			p.follow(e)
			p.c.End()
		}
	}
	p.writeBack(p.node)
	p.returnTo(off)
}
