package listing

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/wasm"
)

// page has four instructions, of which the function executes three; of one no
// code is left.
func page(t *testing.T) *Page {
	t.Helper()
	p := &Page{ISA: riscv64.Guest, Code: make([]byte, core.PageSize), Base: 0x4000, Entries: []uint16{0}}
	for i, in := range []uint16{0x0505, 0x0001, 0x8082, 0x0509} { // c.addi a0,1; c.nop; c.jr ra; c.addi a0,2
		binary.LittleEndian.PutUint16(p.Code[2*i:], in)
	}
	var f wasm.Func
	c := &f.Body
	c.I32Const(111)
	c.LocalSet(3)
	c.Mark(0)
	c.I64Const(222)
	c.LocalSet(4)
	c.Mark(2)
	c.Mark(4)
	c.I64Const(333)
	c.Return()
	c.Mark(-1)
	c.I64Const(444)
	var err error
	if p.marks, err = c.Marks(wasm.Resolver{}); err != nil {
		t.Fatal(err)
	}
	if p.body, err = f.Encode(wasm.Resolver{}); err != nil {
		t.Fatal(err)
	}
	return p
}

// write prints what becomes of instructions, without their IR.
func write(t *testing.T, p *Page, want func(off int) bool) string {
	t.Helper()
	var b strings.Builder
	if err := p.Write(&b, want); err != nil {
		t.Fatal(err)
	}
	var kept []string
	for l := range strings.Lines(b.String()) {
		if !strings.HasPrefix(l, "        ") && !strings.HasPrefix(l, ";; (param") && l != "\n" {
			kept = append(kept, strings.TrimSpace(l))
		}
	}
	return strings.Join(kept, "\n")
}

func TestWrite(t *testing.T) {
	const (
		addi = "0x4000  0505      c.addi a0,1"
		nop  = "0x4002  0001      c.nop"
		ret  = "0x4004  8082      c.jr ra"
		left = "0x4006  0509      c.addi a0,2  ;; not in the page function"
		head = "\n;; page function: 19 bytes, entries +0x0\n"
	)
	p := page(t)
	for name, c := range map[string]struct{ got, want string }{
		"all": {write(t, p, nil), addi + "\n" + nop + "\n" + ret + head +
			"i32.const 111\nlocal.set 3\n;; " + addi + "\ni64.const 222\nlocal.set 4\n;; " + nop + "\n;; " + ret + "\ni64.const 333\nreturn\n;; the function's own\ni64.const 444\nend"},
		"one":         {write(t, p, p.Around(4, 0)), ret + head + ";; …\n;; " + ret + "\ni64.const 333\nreturn\n;; …"},
		"around one":  {write(t, p, p.Around(4, 1)), nop + "\n" + ret + head + ";; …\n;; " + nop + "\n;; " + ret + "\ni64.const 333\nreturn\n;; …"},
		"without any": {write(t, p, p.Around(2, 0)), nop + head + ";; …\n;; " + nop + "\n;; …"},
		"left out":    {write(t, p, p.Around(6, 0)), left + head + ";; …"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, c.got, c.want)
		}
	}
	p.marks, p.unknown = nil, errors.New("lost")
	got := write(t, p, p.Around(4, 0))
	if want := ret + head + ";; what belongs to which instruction is not known: lost\ni32.const 111"; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "i64.const 444\nend") {
		t.Errorf("not known: got\n%s", got)
	}
}

// TestPasses: the passes of a page function that has the first three instructions
// of the page, and of one that there is not.
func TestPasses(t *testing.T) {
	k := emit.NewCore(riscv64.Guest, 0x1000, core.TLBSize)
	p := page(t)
	passes := func(at int) string {
		var b strings.Builder
		if err := p.Passes(&b, k, at); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	got := passes(6)
	for _, want := range []string{
		";; the passes of the file's page function, translated anew: 3 instructions, ",
		"; in the file 3, 19\n\n;; 1. discover: ",
		"\nblock 1:\n\t+0x0  c.addi a0,1\n\t+0x2  c.nop\n\t+0x4  c.jr ra\n\n",
		"get [a0]\n",
		"\n0: start → 1\n1: →  ; below 0\n\n",
		"\n\n;; 7. slow paths: what a failing check of an innermost loop needs is copied, so that the loop has none of it\nnothing\n\n",
		"\nregisters [a0] [ra]\nas f64 none\n",
		"\nblock before 1\n  0\n1\n\n;; 12. emit: ",
		"i64.store offset=0x150  ;; a0\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	p.body, p.Entries = nil, nil
	got = passes(6)
	for _, want := range []string{";; the passes of a page function that is entered at +0x6, translated anew: ", "block 1:\n\t+0x6  c.addi a0,2\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("without a function: %q is not in\n%s", want, got)
		}
	}
	if k.SeePass != nil {
		t.Error("the core is changed")
	}
}
