package emit

import (
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/wasm"
)

// Update is of all tests of the package.
var Update = flag.Bool("update", false, "rewrite the golden files")

// digest is of all that a function is: type, locals, code, and which code belongs
// to what. Symbols stand for themselves.
func digest(t testing.TB, f *wasm.Func) string {
	t.Helper()
	types := wasm.NewTypeTable(&wasm.Module{})
	same := func(sym int) (uint32, bool) { return uint32(sym), true }
	r := wasm.Resolver{Func: same, Table: same, Type: func(t wasm.FuncType) (uint32, bool) { return types.Index(t), true }}
	body, err := f.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	marks, err := f.Body.Marks(r)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	fmt.Fprintln(h, f.Name, f.Type, marks)
	h.Write(body)
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}

// TestDigests: what is emitted is what it was, byte for byte: the core, and pages
// of every kind with every option. The golden file is rewritten by -update where
// another code is meant.
func TestDigests(t *testing.T) {
	var b strings.Builder
	k := NewCore(riscv64.Guest, 0x1000, core.TLBSize)
	h := sha256.New()
	for _, f := range k.Funcs {
		fmt.Fprintln(h, digest(t, f))
	}
	fmt.Fprintf(&b, "core %x\n", h.Sum(nil)[:12])
	for seed := range uint64(120) {
		s := corpusPage(seed)
		p, ok := k.TranslateSource(s)
		if !ok {
			t.Fatalf("page %d: not translated", seed)
		}
		fmt.Fprintf(&b, "page %d: mode %d, %d instructions, %d entries, tail %x, %s\n", seed, s.Mode, p.Insns, len(p.Entries), p.Tail, digest(t, p.Func))
		if seed%10 == 0 {
			k.AddPage(p)
		}
	}
	fmt.Fprintf(&b, "dispatcher %s\n", digest(t, k.Funcs[k.Run]))
	for m, f := range k.fn.call {
		fmt.Fprintf(&b, "caller %d %s\n", m, digest(t, k.Funcs[f]))
	}
	const name = "testdata/digests.golden"
	if *Update {
		if err := os.WriteFile(name, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got, was := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	if len(got) != len(was) {
		t.Errorf("%d lines, want %d", len(got), len(was))
	}
	for i := range min(len(got), len(was)) {
		if got[i] != was[i] {
			t.Errorf("got %s, want %s", got[i], was[i])
		}
	}
}

// corpusPage is a page of the corpus with the options to translate it by.
func corpusPage(seed uint64) *Source {
	w := &weaver{rng: rand.New(rand.NewPCG(seed, 77))}
	s := &Source{Mode: uint32(seed & 1), Entries: []uint16{0}}
	if seed%4 == 3 {
		w.wild()
	} else {
		for len(w.code) < 200+int(seed%5)*300 {
			w.statement(3)
		}
		w.word(0x00008067) // ret
	}
	if seed%3 == 0 { // something across the end of the page
		for len(w.code) < core.PageSize-2 {
			w.code = append(w.code, 0x01, 0x00) // c.nop
		}
		w.code = append(w.code[:core.PageSize-2], 0x93, 0x02, 0x15, 0x00) // addi t0, a0, 1
		s.Entries = append(s.Entries, core.PageSize-10)
	}
	s.Code = make([]byte, core.PageSize, core.PageSize+2)
	copy(s.Code, w.code)
	if len(w.code) > core.PageSize {
		s.Code = append(s.Code, w.code[core.PageSize:core.PageSize+2]...)
	}
	for range w.rng.IntN(6) {
		s.Entries = append(s.Entries, uint16(w.rng.IntN(len(w.code))&^1)%core.PageSize)
	}
	switch seed % 5 {
	case 1:
		s.Links = func(int) (Link, bool) { return LongLink, true }
	case 2:
		s.Links = func(off int) (Link, bool) {
			return Link{Func: 7, Target: core.Target(abi.FirstPage+3, 2), crosses: off&3 == 2}, off&4 == 0
		}
	case 3:
		for range 1 + w.rng.IntN(20) {
			s.Ran = append(s.Ran, uint16(w.rng.IntN(len(w.code))&^1)%core.PageSize)
		}
	}
	return s
}

// weaver writes code as compilers do: loops in loops that walk through memory,
// conditions, calls, switches, floating point.
type weaver struct {
	rng  *rand.Rand
	code []byte
}

func (w *weaver) word(x uint32) { w.code = binary.LittleEndian.AppendUint32(w.code, x) }

func (w *weaver) reg() uint32 { return uint32(5 + w.rng.IntN(14)) }

func encodeR(op, f3, f7, rd, rs1, rs2 uint32) uint32 {
	return f7<<25 | rs2<<20 | rs1<<15 | f3<<12 | rd<<7 | op
}

func encodeI(op, f3, rd, rs1 uint32, imm int) uint32 {
	return uint32(imm)<<20 | rs1<<15 | f3<<12 | rd<<7 | op
}

func encodeS(op, f3, rs1, rs2 uint32, imm int) uint32 {
	i := uint32(imm)
	return i>>5&0x7f<<25 | rs2<<20 | rs1<<15 | f3<<12 | i&31<<7 | op
}

func encodeB(f3, rs1, rs2 uint32, disp int) uint32 {
	d := uint32(disp)
	return d>>12&1<<31 | d>>5&0x3f<<25 | rs2<<20 | rs1<<15 | f3<<12 | d>>1&15<<8 | d>>11&1<<7 | 0x63
}

func encodeJ(rd uint32, disp int) uint32 {
	d := uint32(disp)
	return d>>20&1<<31 | d>>1&0x3ff<<21 | d>>11&1<<20 | d>>12&0xff<<12 | rd<<7 | 0x6f
}

// patch writes a jump or branch over one that was left out.
func (w *weaver) patch(at int, x uint32) { binary.LittleEndian.PutUint32(w.code[at:], x) }

func (w *weaver) statement(depth int) {
	n := w.rng.IntN(16)
	switch {
	case n < 3 && depth > 0: // do { … } while (--count)
		from := len(w.code)
		for range 1 + w.rng.IntN(4) {
			w.statement(depth - 1)
		}
		p := w.reg()
		w.word(encodeI(0x13, 0, p, p, 8))
		c := w.reg()
		w.word(encodeI(0x13, 0, c, c, -1))
		w.word(encodeB(1, c, 0, from-len(w.code)))
	case n < 5 && depth > 0: // if … else …
		at := len(w.code)
		w.word(0)
		w.statement(depth - 1)
		end := len(w.code)
		w.word(0)
		w.patch(at, encodeB(uint32(w.rng.IntN(2)), w.reg(), w.reg(), len(w.code)-at))
		w.statement(depth - 1)
		w.patch(end, encodeJ(0, len(w.code)-end))
	case n == 5 && depth > 0: // a loop with two ways in
		at := len(w.code)
		w.word(0)
		from := len(w.code)
		w.statement(depth - 1)
		w.patch(at, encodeB(4, w.reg(), w.reg(), len(w.code)-at))
		w.statement(depth - 1)
		w.word(encodeB(5, w.reg(), w.reg(), from-len(w.code)))
	case n == 6: // a call, in the page or out of it
		switch w.rng.IntN(4) {
		case 0:
			w.word(encodeJ(1, 2*w.rng.IntN(2000)-2000))
		case 1:
			w.word(encodeJ(1, 4096*(1+w.rng.IntN(5))))
		case 2:
			w.word(encodeI(0x67, 0, 1, w.reg(), 0)) // jalr
		default:
			w.word(encodeJ(1, -len(w.code)&^3))
		}
	case n == 7:
		switch w.rng.IntN(6) {
		case 0: // a switch by a table of offsets
			x := w.reg()
			w.word(encodeI(0x03, 2, x, w.reg(), 0))
			w.word(encodeR(0x33, 0, 0, x, x, w.reg()))
			w.word(encodeI(0x67, 0, 0, x, 0))
		case 1:
			w.word(0x00000073) // ecall
		case 2:
			w.word(encodeB(0, w.reg(), w.reg(), 4094)) // leaves
		case 3:
			w.word(encodeI(0x73, 2, w.reg(), 0, 0x003)) // csrrs fcsr
		case 4:
			w.word(encodeI(0x73, 1, w.reg(), w.reg(), 0x002)) // csrrw frm
		default:
			w.word(encodeI(0x73, 2, 0, w.reg(), 0x100)) // csrrs sstatus: SUM
		}
	case n == 8: // several accesses close to each other
		r := w.reg()
		for i := range 2 + w.rng.IntN(5) {
			if w.rng.IntN(2) == 0 {
				w.word(encodeI(0x03, 3, w.reg(), r, 8*i))
			} else {
				w.word(encodeS(0x23, 3, r, w.reg(), 8*i))
			}
		}
	default:
		for range 1 + w.rng.IntN(5) {
			w.plain()
		}
	}
}

func (w *weaver) plain() {
	d, a, b := w.reg(), w.reg(), w.reg()
	fd, fa, fb := uint32(w.rng.IntN(8)), uint32(w.rng.IntN(8)), uint32(w.rng.IntN(8))
	double := uint32(w.rng.IntN(2))
	switch w.rng.IntN(14) {
	case 0, 1:
		w.word(encodeI(0x13, []uint32{0, 4, 6, 7}[w.rng.IntN(4)], d, a, w.rng.IntN(4096)-2048))
	case 2:
		w.word(encodeR(0x33, uint32(w.rng.IntN(8)), 0, d, a, b))
	case 3:
		w.word(encodeR(0x33, uint32(w.rng.IntN(8)), 1, d, a, b))
	case 4:
		w.word(encodeR(0x3b, 0, 0, d, a, b))
	case 5:
		w.word(encodeI(0x03, uint32(w.rng.IntN(7)), d, a, 8*w.rng.IntN(64)))
	case 6:
		w.word(encodeS(0x23, uint32(w.rng.IntN(4)), a, d, 8*w.rng.IntN(64)))
	case 7:
		w.word(encodeI(0x07, 2+double, fd, a, 8*w.rng.IntN(64)))
	case 8:
		w.word(encodeS(0x27, 2+double, a, fd, 8*w.rng.IntN(64)))
	case 9, 10:
		w.word(encodeR(0x53, 7, []uint32{0, 4, 8, 12, 0x2c}[w.rng.IntN(5)]|double, fd, fa, fb))
	case 11:
		w.word(encodeR(0x43, 7, fb<<2|double, fd, fa, fb))
	case 12:
		w.word(encodeR(0x53, uint32(w.rng.IntN(3)), 0x50|double, d, fa, fb)) // compare
	default:
		w.word([]uint32{
			encodeR(0x53, 1, 0x60|double, d, fa, uint32(w.rng.IntN(4))), // to integer
			encodeR(0x53, 7, 0x68|double, fd, a, uint32(w.rng.IntN(4))), // from integer
			encodeR(0x53, uint32(w.rng.IntN(2)), 0x14|double, fd, fa, fb),
			encodeR(0x53, 0, 0x20|double, fd, fa, 1^double),
			encodeR(0x2f, 2+uint32(w.rng.IntN(2)), uint32(w.rng.IntN(5))<<2, d, a, b), // atomic
			encodeR(0x53, uint32(w.rng.IntN(3)), 0x10|double, fd, fa, fb),             // signs
		}[w.rng.IntN(6)])
	}
}

// wild writes code without any rule.
func (w *weaver) wild() {
	rows := riscv64.Encodings()
	for len(w.code) < core.PageSize/2 {
		e := rows[w.rng.IntN(len(rows))]
		v := e.Match | w.rng.Uint32()&^e.Mask
		if e.Size == 2 {
			w.code = binary.LittleEndian.AppendUint16(w.code, uint16(v))
			continue
		}
		if v&0x7f == 0x63 { // a branch nearby
			v = v&0x01fff07f | encodeB(0, 0, 0, 2*w.rng.IntN(128)-128)&^0x01fff07f
		}
		w.word(v)
	}
}
