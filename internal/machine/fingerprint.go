package machine

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// Fingerprint is a number that differs when the machine and generated code
// would disagree about what lies where, or what a number means: memory, state,
// TLBs, jump caches, records, exits, handlers, hooks, system registers.
func Fingerprint(g isa.ISA) uint32 { return fingerprint(core.Layout(), g) }

func fingerprint(layout []uint32, g isa.ISA) uint32 {
	h := digest{xxhash.New()}
	for _, v := range layout {
		h.words(int(v))
	}
	h.words(Reserve, StateBase, CachesBase, RecordBase, RecordSize, RAMHost, ManifestBase, ManifestMax)
	h.words(abi.FirstPage, abi.HookSlots, abi.HooksVersion, abi.HookVersion, abi.HookTerminal, abi.HookCompilesLate, abi.HookUnavailable)
	h.words(abi.HandlerSingle, abi.HandlerGoto, abi.HandlerEnter, abi.HandlerDecode, abi.HandlerLink)
	h.words(g.Layout()...)
	h.text(g.Name())
	h.words(int(g.Zero()))
	handlers := abi.NewHandlers(g)
	h.words(handlers.Count())
	for i, f := range g.Forms() {
		h.text(f.Name)
		h.words(int(f.Flow), f.Rank, int(handlers.Near[i]), int(handlers.Far[i]))
	}
	for _, p := range g.Pairs() {
		h.words(int(p.First), int(p.Second), bit(p.DepB)|bit(p.DepC)<<1|bit(p.Dead)<<2)
	}
	return uint32(h.Sum64())
}

// digest hashes numbers and names.
type digest struct{ *xxhash.Digest }

// words adds the numbers' low 32 bits.
func (d digest) words(list ...int) {
	for _, v := range list {
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], uint32(v))
		d.Write(b[:])
	}
}

func (d digest) text(s string) {
	d.words(len(s))
	d.WriteString(s)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
