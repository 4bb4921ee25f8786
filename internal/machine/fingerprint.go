package machine

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// Fingerprint is a number that differs when the machine and generated code
// would disagree about what lies where, or what a number means: memory, state,
// TLBs, jump caches, records, exits, handlers, hooks, system registers.
func Fingerprint() uint32 { return fingerprint(core.Layout(), riscv64.Guest) }

func fingerprint(layout []uint32, g isa.ISA) uint32 {
	h := digest{xxhash.New()}
	for _, v := range layout {
		h.words(int(v))
	}
	h.words(Reserve, StateBase, CachesBase, RecordBase, RecordSize, RAMHost, ManifestBase, ManifestMax)
	h.words(abi.FirstPage, abi.HookSlots, abi.HooksVersion, abi.HookVersion, abi.HookTerminal, abi.HookCompilesLate, abi.HookUnavailable)
	h.words(abi.HandlerSingle, abi.HandlerGoto, abi.HandlerEnter, abi.HandlerDecode, abi.HandlerLink)
	h.words(riscv64.SStatus, riscv64.SEPC, riscv64.SCause, riscv64.STVal, riscv64.SScratch, riscv64.SATP, riscv64.STVec,
		riscv64.SIE, riscv64.SIP, riscv64.SEnvCfg, riscv64.SCounter, riscv64.STimeCmp, riscv64.SFirstFree)
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
