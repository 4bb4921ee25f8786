package isatest

import (
	"encoding/binary"
	"strings"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// RISCV64 makes random riscv64 code out of the instruction table: everything
// that user mode may execute but system calls and counters.
type RISCV64 struct {
	rng   Random
	plain []riscv64.Encoding // falls through, at most one access
	all   map[string]riscv64.Encoding
}

// NewRISCV64 is a generator with a fixed sequence.
func NewRISCV64(seed uint64) *RISCV64 {
	g := &RISCV64{rng: Random(seed), all: map[string]riscv64.Encoding{}}
	for _, e := range riscv64.Encodings() {
		g.all[e.Name] = e
		in := decode(e.Match | 0x7000&^e.Mask) // a valid rounding mode
		flow := riscv64.Guest.Forms()[in.Form].Flow
		conditional := strings.HasPrefix(e.Name, "lr.") || strings.HasPrefix(e.Name, "sc.")
		// qemu 7.2 counts ctzw in the whole register where its low half is
		// zero; tests/isa/riscv64-manual.txt has vectors of our own.
		wrong := e.Name == "ctzw"
		if flow == isa.FlowNext && !conditional && !wrong && !strings.HasPrefix(e.Name, "csr") {
			g.plain = append(g.plain, e)
		}
	}
	return g
}

// Plain is the number of encodings that Single knows.
func (g *RISCV64) Plain() int { return len(g.plain) }

// Single is one instruction of the i-th plain encoding. It may write any
// register but RegData.
func (g *RISCV64) Single(i int) []byte { return g.word(g.plain[i], true) }

// Sequence is about n instructions.
func (g *RISCV64) Sequence(n int) []byte {
	var code []byte
	for range n {
		if b := g.item(true); len(code)+len(b) <= CodeMax-16 {
			code = append(code, b...)
		}
	}
	return code
}

// item is an instruction, or a few that belong together.
func (g *RISCV64) item(jumps bool) []byte {
	if jumps && g.rng.N(8) == 0 {
		return g.jump()
	}
	if g.rng.N(40) == 0 {
		return g.reserve()
	}
	if g.rng.N(12) == 0 {
		return g.floatCSR()
	}
	// Compressed, integer and FP encodings in equal shares.
	for {
		e := g.plain[g.rng.N(len(g.plain))]
		if e.Size == 2 || g.rng.N(3) == 0 {
			return g.word(e, false)
		}
	}
}

func decode(w uint32) isa.Insn {
	in, _ := riscv64.Guest.Decode(binary.LittleEndian.AppendUint32(nil, w))
	return in
}

// word is an instruction with operands that keep to the rules: accesses stay
// in scratch memory, RegData is kept, and unless the instruction is the last
// one, so are the other address registers. It is empty if the encoding offers
// none (c.addi16sp in mid-sequence).
func (g *RISCV64) word(e riscv64.Encoding, last bool) []byte {
	for range 5000 {
		w := e.Match | uint32(g.rng.Next())&^e.Mask
		if e.Size == 4 {
			w = g.operands(e, w)
		} else {
			w &= 0xffff
		}
		in := decode(w)
		if g.allowed(e, &in, last) {
			return binary.LittleEndian.AppendUint32(nil, w)[:e.Size]
		}
	}
	return nil
}

// operands sets the fields of a 32-bit instruction that random bits would
// hardly ever make right.
func (g *RISCV64) operands(e riscv64.Encoding, w uint32) uint32 {
	if strings.Contains(e.Operands, "(s)") {
		bases := []uint32{RegStack, RegAligned, RegAny}
		if !strings.ContainsAny(e.Operands, "oq") {
			bases = bases[:2] // an atomic access must be aligned
		}
		w = w&^(31<<15) | bases[g.rng.N(len(bases))]<<15
	}
	offset := uint32(g.rng.N(400) - 200)
	if g.rng.N(2) == 0 {
		offset &^= 7
	}
	if strings.Contains(e.Operands, "o") {
		w = w&0xfffff | offset<<20
	}
	if strings.Contains(e.Operands, "q") {
		w = w&^(0x7f<<25|31<<7) | offset>>5<<25 | offset&31<<7
	}
	if strings.Contains(e.Operands, "m") {
		modes := []uint32{0, 1, 2, 3, 4, 7, 7, 7}
		w = w&^(7<<12) | modes[g.rng.N(len(modes))]<<12
	}
	return w
}

func (g *RISCV64) allowed(e riscv64.Encoding, in *isa.Insn, last bool) bool {
	if riscv64.Guest.Forms()[in.Form].Flow != isa.FlowNext {
		return false
	}
	written := (int(in.A) - core.OffG) / 8
	if written == RegData || !last && (written == RegStack || written == RegAligned || written == RegAny) {
		return false
	}
	base := (int(in.B) - core.OffG) / 8
	return !strings.Contains(e.Operands, "(") || base == RegStack || base == RegAligned || base == RegAny
}

// jump is a forward branch, jump or call over a few instructions.
func (g *RISCV64) jump() []byte {
	var body []byte
	for range 1 + g.rng.N(3) {
		body = append(body, g.item(false)...)
	}
	n := uint32(len(body))
	word := func(w uint32) []byte { return binary.LittleEndian.AppendUint32(nil, w) }
	half := func(w uint32) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(w)) }
	reg := func() uint32 { return uint32(g.rng.N(32)) }
	link := []uint32{0, 1, 5, 31}[g.rng.N(4)]
	const t = 6 // holds a jump's target
	var head []byte
	switch g.rng.N(6) {
	case 0, 1:
		d := n + 4
		f3 := []uint32{0, 1, 4, 5, 6, 7}[g.rng.N(6)]
		x, y := reg(), reg()
		if g.rng.N(3) == 0 {
			y = 0
		}
		if g.rng.N(6) == 0 {
			x, y = y, x
		}
		head = word(d>>12&1<<31 | d>>5&0x3f<<25 | y<<20 | x<<15 | f3<<12 | d>>1&15<<8 | d>>11&1<<7 | 0x63)
	case 2:
		d := n + 2
		f3 := 6 + uint32(g.rng.N(2))
		head = half(f3<<13 | d>>8&1<<12 | d>>3&3<<10 | uint32(g.rng.N(8))<<7 | d>>6&3<<5 | d>>1&3<<3 | d>>5&1<<2 | 1)
	case 3:
		head = word(encodeJ(int32(n+4)) | link<<7)
	case 4:
		// auipc t, 0; jalr link, n+8(t), with a bit 0 to be ignored
		odd := uint32(g.rng.N(2))
		head = append(word(t<<7|0x17), word((n+8+odd)<<20|t<<15|link<<7|0x67)...)
	case 5:
		// auipc t, 0; addi t, t, n+10; c.jr t or c.jalr t
		head = append(word(t<<7|0x17), word((n+10)<<20|t<<15|t<<7|0x13)...)
		head = append(head, half(4<<13|uint32(g.rng.N(2))<<12|t<<7|2)...)
	}
	return append(head, body...)
}

// reserve is a load-reserved and store-conditional pair, of the same address
// or not, or the latter alone.
func (g *RISCV64) reserve() []byte {
	size := []string{".w", ".d"}[g.rng.N(2)]
	var code []byte
	if g.rng.N(4) > 0 {
		code = g.word(g.all["lr"+size], false)
	}
	if g.rng.N(2) == 0 {
		code = append(code, g.word(g.all["addi"], false)...)
	}
	return append(code, g.word(g.all["sc"+size], false)...)
}

// floatCSR is an access to fflags, frm or fcsr that leaves no reserved rounding
// mode behind.
func (g *RISCV64) floatCSR() []byte {
	const fflags, frm, fcsr = 1, 2, 3
	n := uint32(1 + g.rng.N(3))
	op := []uint32{1, 2, 3, 5, 6, 7}[g.rng.N(6)] // csrrw, csrrs, csrrc, and from an immediate
	src := uint32(g.rng.N(32))
	switch {
	case n == frm && op&3 != 3: // any bits may be cleared
		op, src = 5, uint32(g.rng.N(5))
	case n == fcsr && op < 4: // an immediate reaches the flags alone
		op += 4
	}
	if g.rng.N(4) == 0 {
		op, src = 2, 0 // frflags and its like
	}
	rd := uint32(g.rng.N(32))
	for rd == RegData || rd == RegStack || rd == RegAligned || rd == RegAny {
		rd = uint32(g.rng.N(32))
	}
	return binary.LittleEndian.AppendUint32(nil, n<<20|src<<15|op<<12|rd<<7|0x73)
}
