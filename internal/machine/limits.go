package machine

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/mem"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/format/attach"
	"github.com/c2w/c2w/internal/format/disk"
	"github.com/c2w/c2w/internal/format/frame"
	"github.com/c2w/c2w/internal/machine/p9"
	"github.com/c2w/c2w/internal/machine/virtio/console"
	"github.com/c2w/c2w/internal/machine/virtio/rng"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// Kept is what a part of the machine keeps on Go's heap at most, in bytes, whatever
// guest and client do.
type Kept struct {
	Part  string
	Bytes int
}

// MaxTranslations is how many page functions a manifest has room for.
const MaxTranslations = ManifestMax / 22

// Keeps lists the bounds for a guest of an ISA with so much RAM. Their sum is less than
// HeapLimit for every size: a test sees to that, and to docs/memory.md.
func Keeps(g isa.ISA, ram int) []Kept {
	frames := ram / core.PageSize
	return []Kept{
		{"engine", engine.MaxHeap(g, frames, MaxTranslations)},
		{"TLBs", mem.MaxHeap(frames)},
		{"files: 9p", p9.MaxHeap},
		{"files: the host's", wasi.MaxHeap},
		{"disk", disk.MaxHeap},
		// Input as it was read, what the port has not taken, output that gathers,
		// frames under way in both directions, what waits for init.
		{"streams", 2*inputSize + 2*outputSize + 2*attach.MaxPayload + 2*(attach.MaxPayload+outputSize) + 2*(backlog+inputSize)},
		// A frame of the guest's that is not whole, and the one that tells the
		// command; appending takes a quarter more, beside the old.
		{"contract", 2 * 9 / 4 * (agent.MaxPayload + frame.HeaderSize)},
		{"devices", console.MaxPorts*(console.InputBuffer+4096) + 2*rng.MaxRequest + 1<<16},
		// Page functions' entries, the command, its environment.
		{"manifest", 4 * ManifestMax},
		// Go's data, stacks, and the heap of a machine that does nothing.
		{"Go itself", 16 << 20},
	}
}
