package link_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/c2w/c2w/internal/testkit/hooks"
	"github.com/c2w/c2w/internal/testkit/wasitest"
	"github.com/c2w/c2w/internal/wasm"
	"github.com/c2w/c2w/internal/wasm/link"
)

func TestMain(m *testing.M) { wasitest.Main(m) }

const (
	reserve = 512 // pages
	pages   = 576 // pages
	ram     = reserve * wasm.PageSize
)

func types(ts ...wasm.ValType) []wasm.ValType { return ts }

// Symbols of the test's core functions. The order differs from that of the
// imports on purpose.
const (
	symDefaultHook = iota
	symAdd
	symPeek
	symPoke
	symHook
	symCount
	symRead
	symDouble
)

var hookType = wasm.FuncType{Params: types(wasm.I32), Results: types(wasm.I32)}

// input is a core with one function per kind of symbol, over the reactor of
// testdata.
func input(t testing.TB) *link.Input {
	machine, err := os.ReadFile(wasitest.Build(t, "testdata/reactor", "-buildmode=c-shared"))
	if err != nil {
		t.Fatal(err)
	}
	data := []link.Data{
		{Label: "ram", Addr: ram, Bytes: []byte("01234567\x2a\x00\x00\x00\x00\x00\x00\x00")},
		{Label: "disk", Passive: true, Bytes: []byte("abcdefgh")},
		{Label: "ram", Addr: ram + 4096, Bytes: bytes.Repeat([]byte("x"), 5000)},
	}
	funcs := make([]*wasm.Func, symDouble+1)
	def := func(sym int, name string, t wasm.FuncType, locals []wasm.ValType, body func(c *wasm.Code)) {
		f := &wasm.Func{Name: name, Type: t, Locals: locals}
		body(&f.Body)
		funcs[sym] = f
	}
	def(symDefaultHook, "default hook", hookType, nil, func(c *wasm.Code) { c.I32Const(-1) })
	def(symAdd, "add", wasm.FuncType{Params: types(wasm.I32, wasm.I64), Results: types(wasm.I64)},
		types(wasm.I64, wasm.I64, wasm.F64), func(c *wasm.Code) {
			c.LocalGet(0)
			c.Op(wasm.OpI64ExtendI32S)
			c.LocalTee(2)
			c.LocalGet(1)
			c.Op(wasm.OpI64Add)
		})
	def(symPeek, "peek", wasm.FuncType{Params: types(wasm.I32), Results: types(wasm.I64)}, nil, func(c *wasm.Code) {
		c.LocalGet(0)
		c.I64Load(3, 0)
	})
	def(symPoke, "poke", wasm.FuncType{Params: types(wasm.I32, wasm.I64)}, nil, func(c *wasm.Code) {
		c.LocalGet(0)
		c.LocalGet(1)
		c.I64Store(3, 0)
	})
	def(symHook, "hook", hookType, nil, func(c *wasm.Code) {
		c.LocalGet(0)
		c.CallSym(symDouble)
		c.I32Const(0)
		c.CallIndirectSym(hookType, 0)
	})
	def(symCount, "count", wasm.FuncType{Results: types(wasm.I32)}, nil, func(c *wasm.Code) {
		c.GlobalGetSym(1)
		c.I32Const(1)
		c.Op(wasm.OpI32Add)
		c.GlobalSetSym(1)
		c.GlobalGetSym(1)
	})
	def(symDouble, "double", hookType, nil, func(c *wasm.Code) {
		c.LocalGet(0)
		c.BlockFunc(hookType)
		c.I32Const(2)
		c.Op(wasm.OpI32Mul)
		c.End()
	})
	funcs[symRead] = link.SegmentReader(data, pages)
	i32 := wasm.GlobalType{Type: wasm.I32, Mutable: true}
	return &link.Input{
		Machine: machine, ImportModule: "c2w", Step: "c2w_step",
		Reserve: reserve, MemoryPages: pages,
		Funcs: funcs,
		Defines: []link.Define{
			{Import: "add", Func: symAdd}, {Import: "peek", Func: symPeek}, {Import: "poke", Func: symPoke},
			{Import: "hook", Func: symHook}, {Import: "count", Func: symCount}, {Import: "segment_read", Func: symRead},
		},
		Globals: []link.Global{
			{Type: i32, Init: wasm.ConstI32(0)},
			{Type: i32, Init: wasm.ConstI32(40), Export: "counter"},
		},
		Tables:  []link.Table{{Size: 16, Max: 64, Funcs: []int{symDefaultHook, link.NoFunc, symDouble}, Export: "c2w_table"}},
		Data:    data,
		Exports: []link.Export{{Name: "double", Func: symDouble}},
		Customs: []wasm.Custom{{Name: "c2w", Data: []byte("version 1")}},
	}
}

func linked(t testing.TB) (*link.Output, []byte) {
	t.Helper()
	out, err := link.Link(input(t))
	if err != nil {
		t.Fatal(err)
	}
	return out, out.Module.Encode()
}

func linkedFile(t testing.TB) string {
	t.Helper()
	_, file := linked(t)
	path := filepath.Join(t.TempDir(), "linked.wasm")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestShape(t *testing.T) {
	out, file := linked(t)
	m, err := wasm.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := wasm.CheckCore(m); err != nil {
		t.Error(err)
	}
	for _, im := range m.Imports {
		if im.Module != link.WASI {
			t.Errorf("imports %s.%s", im.Module, im.Name)
		}
	}
	var names []string
	for _, e := range m.Exports {
		names = append(names, e.Name)
	}
	if got, want := strings.Join(names, " "), "c2w_init c2w_step nop memory counter c2w_table _start double"; got != want {
		t.Errorf("exports %q, want %q", got, want)
	}
	for i, body := range m.Bodies {
		_, code, err := wasm.SplitBody(body)
		if err != nil {
			t.Fatal(err)
		}
		for it := wasm.NewInstrs(code); it.Next(); {
			if it.Op == wasm.OpMemorySize || it.Op == wasm.OpMemoryGrow {
				t.Errorf("function %d: %v is left", i, it.Op)
			}
		}
	}
	if len(m.Customs) != 1 || m.Customs[0].Name != "c2w" || string(m.Customs[0].Data) != "version 1" {
		t.Errorf("custom sections: %v", m.Customs)
	}
	sum := int64(0)
	for _, p := range out.Parts {
		t.Logf("%9d %s", p.Bytes, p.Label)
		if p.Bytes <= 0 {
			t.Errorf("%s has %d bytes", p.Label, p.Bytes)
		}
		sum += p.Bytes
	}
	if sum != int64(len(file)) || out.Module.Size() != sum {
		t.Errorf("the parts are %d bytes, the file %d, its Size %d", sum, len(file), out.Module.Size())
	}
	if _, again := linked(t); !bytes.Equal(again, file) {
		t.Error("linking twice gives different files")
	}
}

const callsOutput = `step 1 1099511627774
step 2 42
step 3 77
step 4 27487724643
step 5 -1
step 6 -1
step 7 -1
step 8 -1
step 9 -1
step 10 HOOK
step 11 42
step 12 0
`

func TestCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("runs engines")
	}
	path := linkedFile(t)
	for _, e := range wasitest.Engines(t) {
		t.Run(e.Name, func(t *testing.T) {
			out, err := e.Command(path, "calls").Output()
			if want := strings.Replace(callsOutput, "HOOK", "-1", 1); err != nil || string(out) != want {
				t.Errorf("%v, got\n%swant\n%s", err, out, want)
			}
			cmd := e.Command(path, "exit", "42")
			if err := cmd.Run(); cmd.ProcessState.ExitCode() != 42 {
				t.Errorf("exit 42: %v", err)
			}
			if out, err := e.Command(path, "garbage").Output(); err != nil || string(out) != "done 200\n" {
				t.Errorf("200 MiB of garbage in a reserve of %d KiB: %q, %v", reserve*64, out, err)
			}
			// Go's runtime ends a reactor by a trap where it would end a
			// command by exit(2).
			cmd = e.Command(path, "oom")
			text, err := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() <= 0 || !bytes.Contains(text, []byte("out of memory")) {
				t.Errorf("exhausting the reserve: %v, %.300s", err, text)
			}
		})
	}
}

// instance is the linked module in wazero, not started.
type instance struct {
	ctx    context.Context
	r      wazero.Runtime
	mod    api.Module
	stdout bytes.Buffer
	stderr bytes.Buffer
}

func instantiate(t testing.TB, args ...string) *instance {
	t.Helper()
	in := &instance{ctx: context.Background()}
	in.r = wazero.NewRuntimeWithConfig(in.ctx, wazero.NewRuntimeConfig().WithCoreFeatures(wasitest.Features))
	t.Cleanup(func() { _ = in.r.Close(in.ctx) })
	wasi_snapshot_preview1.MustInstantiate(in.ctx, in.r)
	_, file := linked(t)
	var err error
	in.mod, err = in.r.InstantiateWithConfig(in.ctx, file, wazero.NewModuleConfig().WithName("linked").
		WithStartFunctions().WithArgs(append([]string{"linked"}, args...)...).WithStdout(&in.stdout).WithStderr(&in.stderr).
		WithSysNanotime().WithSysWalltime().WithSysNanosleep().WithRandSource(rand.Reader))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func (in *instance) call(t testing.TB, name string, args ...uint64) []uint64 {
	t.Helper()
	res, err := in.mod.ExportedFunction(name).Call(in.ctx, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, in.stderr.String())
	}
	return res
}

// adapter puts host function env.hook into slot 0.
func adapter() []byte {
	return hooks.Adapter("linked", "c2w_table", []hooks.Hook{{Slot: 0, Name: "hook", Type: hookType}})
}

// TestReactor drives the steps from the host, with a hook filled by an
// adapter in mid-run.
func TestReactor(t *testing.T) {
	in := instantiate(t, "calls")
	in.call(t, "c2w_init")
	for range 9 {
		in.call(t, "c2w_step")
	}
	_, err := in.r.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithFunc(func(x int32) int32 { return x + 1000 }).Export("hook").Instantiate(in.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.r.InstantiateWithConfig(in.ctx, adapter(), wazero.NewModuleConfig().WithName("adapter")); err != nil {
		t.Fatal(err)
	}
	for int32(in.call(t, "c2w_step")[0]) >= 0 {
	}
	if want := strings.Replace(callsOutput, "HOOK", "1010", 1); in.stdout.String() != want {
		t.Errorf("got\n%swant\n%s", in.stdout.String(), want)
	}
	if v := in.call(t, "double", 21); v[0] != 42 {
		t.Errorf("double(21) = %d", v[0])
	}
	if v := in.mod.ExportedGlobal("counter").Get(); v != 42 {
		t.Errorf("counter = %d", v)
	}
}

// TestReactorNode is the same under Node.
func TestReactorNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil || testing.Short() {
		t.Skip("needs node")
	}
	hook := filepath.Join(t.TempDir(), "adapter.wasm")
	if err := os.WriteFile(hook, adapter(), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "--no-warnings", "testdata/reactor.mjs", linkedFile(t), hook, "calls")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if want := strings.Replace(callsOutput, "HOOK", "1010", 1); err != nil || string(out) != want {
		t.Errorf("%v, got\n%swant\n%s", err, out, want)
	}
}

// TestMemoryGuard runs Go out of memory and shows that nothing above the
// reserve was written.
func TestMemoryGuard(t *testing.T) {
	in := instantiate(t, "oom")
	mem := in.mod.Memory()
	if mem.Size() != pages*wasm.PageSize {
		t.Fatalf("memory of %d bytes", mem.Size())
	}
	guard, ok := mem.Read(ram, (pages-reserve)*wasm.PageSize)
	if !ok {
		t.Fatal("reading the core's memory")
	}
	for i := range guard {
		guard[i] = 0xa5
	}
	in.call(t, "c2w_init")
	var err error
	steps := 0
	for ; err == nil; steps++ {
		_, err = in.mod.ExportedFunction("c2w_step").Call(in.ctx)
	}
	if !strings.Contains(in.stderr.String(), "fatal error: out of memory") {
		t.Errorf("after %d MiB: %v, %.300s", steps, err, in.stderr.String())
	}
	if steps < 1 || steps > reserve/16 {
		t.Errorf("%d MiB fit a reserve of %d", steps, reserve/16)
	}
	for i, b := range guard {
		if b != 0xa5 {
			t.Fatalf("Go wrote %#x at %#x, above its reserve", b, ram+i)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*link.Input)
		want   string
	}{
		"small reserve":    {func(in *link.Input) { in.Reserve = 4 }, "the reserve is 4"},
		"small memory":     {func(in *link.Input) { in.MemoryPages = 63 }, "in a memory of 63 pages"},
		"undefined import": {func(in *link.Input) { in.Defines = in.Defines[1:] }, "imports c2w.add, which nothing defines"},
		"superfluous": {func(in *link.Input) { in.Defines = append(in.Defines, link.Define{Import: "nothing"}) },
			"does not import c2w.nothing"},
		"twice":        {func(in *link.Input) { in.Defines = append(in.Defines, in.Defines[0]) }, "defined twice"},
		"wrong type":   {func(in *link.Input) { in.Defines[0].Func = symPeek }, "its definition is (i32) -> (i64)"},
		"other module": {func(in *link.Input) { in.ImportModule = "core" }, "neither of core nor of"},
		"no step":      {func(in *link.Input) { in.Step = "tick" }, `exports no function "tick"`},
		"wrong step":   {func(in *link.Input) { in.Step = "memory" }, `exports no function "memory"`},
		"unknown call": {func(in *link.Input) { in.Funcs[symAdd].Body.CallSym(99) }, "function symbol 99"},
		"active init": {func(in *link.Input) { in.Funcs[symAdd].Body.MemoryInitSym(0) },
			"data symbol 0"},
		"data in reserve": {func(in *link.Input) { in.Data[0].Addr = ram - 1 }, `data "ram" at 0x1ffffff overlaps`},
		"data overlap":    {func(in *link.Input) { in.Data[0].Addr = ram + 4090 }, "overlaps"},
		"data beyond":     {func(in *link.Input) { in.Data[0].Addr = pages*wasm.PageSize - 1 }, "the memory at 0x2400000"},
		"table":           {func(in *link.Input) { in.Tables[0].Size = 2 }, "3 functions in 2 slots"},
		"table slot":      {func(in *link.Input) { in.Tables[0].Funcs[1] = 50 }, "function symbol 50"},
		"export twice":    {func(in *link.Input) { in.Exports[0].Name = "nop" }, `named "nop"`},
		"linked already": {func(in *link.Input) {
			out, err := link.Link(input(t))
			if err != nil {
				t.Fatal(err)
			}
			in.Machine = out.Module.Encode()
		}, "machine:"},
		"cut short": {func(in *link.Input) { in.Machine = in.Machine[:len(in.Machine)/2] }, "parsing WebAssembly"},
	} {
		in := input(t)
		c.change(in)
		if _, err := link.Link(in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

// BenchmarkStep is the cost of a step from the host, Go → core call included.
func BenchmarkStep(b *testing.B) {
	in := instantiate(b, "calls")
	in.call(b, "c2w_init")
	f := in.mod.ExportedFunction("nop")
	var stack [1]uint64
	for b.Loop() {
		if err := f.CallWithStack(in.ctx, stack[:]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCall is the cost of Go → core → Go on each engine, as the program
// itself measures it.
func BenchmarkCall(b *testing.B) {
	path := linkedFile(b)
	for _, e := range wasitest.Engines(b) {
		b.Run(e.Name, func(b *testing.B) {
			var best time.Duration
			for b.Loop() {
				out, err := e.Command(path, "bench").Output()
				d, perr := time.ParseDuration(strings.TrimSpace(strings.TrimPrefix(string(out), "ns/1000 calls ")) + "ns")
				if err != nil || perr != nil {
					b.Fatal(err, perr)
				}
				if best == 0 || d < best {
					best = d
				}
			}
			b.ReportMetric(float64(best)/1000, "ns/call")
			b.ReportMetric(0, "ns/op")
		})
	}
}
