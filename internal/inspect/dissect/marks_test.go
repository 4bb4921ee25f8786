package dissect_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/convert/machinewasm"
	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/format/marks"
	"github.com/c2w/c2w/internal/inspect/dissect"
	"github.com/c2w/c2w/internal/wasm"
)

// TestMarks converts the demo image, whose page functions a profile chooses, and
// asks of each whether its marks are those of its code and of its page.
func TestMarks(t *testing.T) {
	m, err := machinewasm.Find(t.Context(), machinewasm.FromEnvironment())
	if err != nil {
		t.Fatal(err)
	}
	out, err := convert.Convert(t.Context(), convert.Options{
		Ref: "demo:", Version: "test", Machine: m.Module, AOT: convert.AOTKernel, Budget: 2 << 20, RAM: 48 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := out.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	info, err := convert.ReadAOT(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	f, err := dissect.Open(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	programs, err := guest.Programs("riscv64")
	if err != nil {
		t.Fatal(err)
	}
	pages, stores := 0, 0
	for _, p := range info.Programs {
		for _, page := range p.Pages {
			code := make([]byte, core.PageSize)
			copy(code, programs[p.Name][page.Offset:])
			bound := f.Page(engine.PageKey(code, page.Mode))
			if bound == nil {
				t.Fatalf("%s:%#x: no page function", p.Name, page.Offset)
			}
			pages++
			c := marked{T: t, name: p.Name, at: page.Offset, code: slices.Concat(code, bound.Tail), entries: bound.Entries}
			c.read(f, bound.Slot)
			c.wasm()
			stores += c.stores()
			if got := c.guest(); got != page.Instructions {
				t.Errorf("%s:%#x: %d instructions have marks, the function executes %d", p.Name, page.Offset, got, page.Instructions)
			}
		}
	}
	if pages < 100 || pages != len(f.Manifest.Pages) || stores < 100 {
		t.Errorf("%d of %d pages, %d stores", pages, len(f.Manifest.Pages), stores)
	}
	s, err := wasm.OpenCustom(bytes.NewReader(b.Bytes()), int64(b.Len()), marks.Section)
	if err != nil || s == nil || s.Size() > info.Bytes/25 {
		t.Fatalf("%v, %v: not less than 4 %% of %d bytes of page functions", s, err, info.Bytes)
	}
}

// marked is a page function with its marks.
type marked struct {
	*testing.T
	name    string
	at      int64
	code    []byte // the guest's
	entries []uint16
	body    []byte // the function's
	marks   []wasm.Mark
}

func (c *marked) failf(format string, args ...any) {
	c.Helper()
	c.Fatalf("%s:%#x: "+format, append([]any{c.name, c.at}, args...)...)
}

func (c *marked) read(f *dissect.File, slot uint32) {
	body, ok := f.Body(slot)
	if !ok {
		c.failf("no body")
	}
	var err error
	if _, c.body, err = wasm.SplitBody(body); err != nil {
		c.failf("%v", err)
	}
	if c.marks, err = f.Marks(slot); err != nil {
		c.failf("%v", err)
	}
}

// wasm wants marks to rise and to be where instructions of the function are.
func (c *marked) wasm() {
	starts := map[int]bool{}
	it := wasm.NewInstrs(c.body)
	for it.Next() {
		starts[it.Pos()] = true
	}
	if err := it.Err(); err != nil {
		c.failf("%v", err)
	}
	for i, m := range c.marks {
		if !starts[m.Off] {
			c.failf("the mark for %#x at byte %d is between instructions", m.Tag, m.Off)
		}
		if i > 0 && (m.Off < c.marks[i-1].Off || m.Tag == c.marks[i-1].Tag) {
			c.failf("the mark for %#x at byte %d does not follow one for %#x at %d", m.Tag, m.Off, c.marks[i-1].Tag, c.marks[i-1].Off)
		}
	}
}

// guest wants tags to be starts of instructions that execute from the entries
// on, and returns how many there are.
func (c *marked) guest() int {
	reached := map[int]bool{}
	for _, e := range c.entries {
		reached[int(e)] = true
	}
	tags := c.tags()
	for _, tag := range tags {
		in, ok := riscv64.Guest.Decode(c.code[tag:])
		if !ok {
			c.failf("there is no instruction at %#x", tag)
		}
		flow := riscv64.Guest.Forms()[in.Form].Flow
		if flow == isa.FlowBranch || flow == isa.FlowJump || flow == isa.FlowCall {
			reached[tag+int(in.Imm)] = true
		}
		if !flow.Ends() {
			reached[tag+int(in.Len)] = true
		}
	}
	for _, tag := range tags {
		if !reached[tag] {
			c.failf("nothing leads to the instruction at %#x", tag)
		}
	}
	for _, e := range c.entries {
		if !slices.Contains(tags, int(e)) {
			c.failf("the instruction at entry %#x has no mark", e)
		}
	}
	return len(tags)
}

func (c *marked) tags() (tags []int) {
	for _, m := range c.marks {
		if m.Tag != emit.Own && !slices.Contains(tags, int(m.Tag)) {
			tags = append(tags, int(m.Tag))
		}
	}
	return tags
}

// stores wants code that stores a byte or two to belong to instructions that do,
// and each of these to have some, and returns how many there are. (Larger stores
// write registers too.)
func (c *marked) stores() int {
	width := map[wasm.Opcode]uint8{wasm.OpI32Store8: 1, wasm.OpI64Store8: 1, wasm.OpI32Store16: 2, wasm.OpI64Store16: 2}
	has, next, tag := map[int]uint8{}, 0, emit.Own
	for it := wasm.NewInstrs(c.body); it.Next(); {
		for ; next < len(c.marks) && c.marks[next].Off <= it.Pos(); next++ {
			tag = int(c.marks[next].Tag)
		}
		if w := width[it.Op]; w != 0 {
			has[tag] |= w
		}
	}
	wants := 0
	for _, tag := range c.tags() {
		in, _ := riscv64.Guest.Decode(c.code[tag:])
		var x ir.Builder
		isa.LiftInsn(&x, riscv64.Guest, &in, tag)
		want := uint8(0)
		for _, n := range x.Block.Nodes {
			if n.Op == ir.Store && n.Aux < 4 {
				want |= n.Aux
				wants++
			}
		}
		if has[tag] != want {
			c.failf("the code of %s at %#x stores %d bytes instead of %d", riscv64.Guest.Disasm(c.code[tag:], 0), tag, has[tag], want)
		}
		delete(has, tag)
	}
	if len(has) > 0 {
		c.failf("code that belongs to %v stores", has)
	}
	return wants
}

// TestOtherMarks has a file without marks, and one with those of other
// functions.
func TestOtherMarks(t *testing.T) {
	_, b := file(t)
	m, err := wasm.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	m.DropCustoms(marks.Section)
	without := *m
	other, err := marks.Encode([]marks.Func{{Size: 1}})
	if err != nil {
		t.Fatal(err)
	}
	m.Customs = append(m.Customs, other)
	for want, m := range map[string]*wasm.Module{`has no section "c2w.marks"`: &without, "belongs to other functions": m} {
		f, err := dissect.Open(m.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.Marks(abi.FirstPage); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v; want %q", got, err, want)
		}
	}
}
