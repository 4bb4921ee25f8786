package lockstep

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/mem"
)

// Delta is a place in which two machines differ: a register, or 8 bytes of RAM.
type Delta struct {
	Name      string
	Off       int    // state offset; -1 of what is not in the state
	Addr      uint64 // guest-physical address, of a word of RAM
	RAM       bool
	Got, Want uint64
}

func (d Delta) String() string { return fmt.Sprintf("%s: got %#x, want %#x", d.Name, d.Got, d.Want) }

// Format prints deltas, one a line, indented.
func Format(ds []Delta) string {
	var b strings.Builder
	for _, d := range ds {
		fmt.Fprintf(&b, "  %s\n", d)
	}
	return b.String()
}

// slotCount is how many general and floating-point registers a guest may have;
// what lies above in the state is scratch (core.Sink).
const slotCount = 32

// States lists the registers in which x differs from y, the reference. name
// gives a register's name by its state offset and may be nil or return "".
func States(x, y *core.State, name func(off int) string) []Delta {
	var ds []Delta
	word := func(what string, off int, got, want uint64) {
		if got == want {
			return
		}
		if name != nil {
			if n := name(off); n != "" {
				what = n
			}
		}
		ds = append(ds, Delta{Name: what, Off: off, Got: got, Want: want})
	}
	word("pc", core.OffPC, x.PC, y.PC)
	word("retired", -1, x.Retired, y.Retired)
	word("mode", core.OffMode, uint64(x.Mode), uint64(y.Mode))
	word("irq", core.OffIRQ, uint64(x.IRQ), uint64(y.IRQ))
	word("frm", core.OffFRM, uint64(x.FRM), uint64(y.FRM))
	word("fflags", -1, uint64(x.FFlags), uint64(y.FFlags))
	word("fpon", core.OffFPOn, uint64(x.FPOn), uint64(y.FPOn))
	word("fpround", core.OffFPRound, uint64(x.FPRound), uint64(y.FPRound))
	word("fpexact", core.OffFPExact, uint64(x.FPExact), uint64(y.FPExact))
	word("resv", core.OffResv, x.Resv, y.Resv)
	for i := range slotCount {
		word(fmt.Sprintf("x%d", i), core.OffG+8*i, x.G[i], y.G[i])
	}
	for i := range slotCount {
		word(fmt.Sprintf("f%d", i), core.OffF+8*i, x.F[i], y.F[i])
	}
	for i := range x.S {
		word(fmt.Sprintf("s[%d]", i), core.OffS+8*i, x.S[i], y.S[i])
	}
	return ds
}

// maxWords is how many words of RAM are listed.
const maxWords = 8

// RAM lists the first words of 8 bytes in which x differs from y, the
// reference. but, if not nil, says which bits of the byte at an address do not
// count.
func RAM(x, y *mem.RAM, but func(pa uint64) byte) []Delta {
	var ds []Delta
	for at := 0; at < len(x.Bytes) && len(ds) < maxWords; at += core.PageSize {
		p, q := x.Bytes[at:at+core.PageSize], y.Bytes[at:at+core.PageSize]
		if bytes.Equal(p, q) {
			continue
		}
		for i := 0; i < len(p) && len(ds) < maxWords; i += wordSize {
			if d, differ := ramWord(x, y, x.Base+uint64(at+i), but); differ {
				ds = append(ds, d)
			}
		}
	}
	return ds
}

const wordSize = 8

// ramWord compares the word that holds an address.
func ramWord(x, y *mem.RAM, pa uint64, but func(pa uint64) byte) (d Delta, differ bool) {
	pa &^= wordSize - 1
	got, _ := x.Load(pa, wordSize)
	want, _ := y.Load(pa, wordSize)
	care := ^uint64(0)
	for i := range uint64(wordSize) {
		if but != nil {
			care &^= uint64(but(pa+i)) << (8 * i)
		}
	}
	return Delta{Name: fmt.Sprintf("ram %#x", pa), Off: -1, Addr: pa, RAM: true, Got: got, Want: want}, (got^want)&care != 0
}
