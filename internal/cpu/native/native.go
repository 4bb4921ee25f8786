// Package native runs the generated core by itself: the functions of package
// emit in a module without the Go machine, compiled and run by wazero, with an
// engine.Engine working natively on the same memory. What the machine does in
// a file happens here in this process: to train, to check, and under go test.
//
// It must know no guest ISA and nothing of the machine around the hart.
package native

import (
	"context"
	"fmt"
	"math"
	"unsafe"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/mem"
	"github.com/c2w/c2w/internal/wasm"
)

// Linear addresses of the hart's two parts. What lies below is never used, so
// that an address of zero is a fault in the making.
const (
	Base   = 0x1000
	Caches = core.TLBSize // to which they are aligned
)

// Layout says how large the parts of the memory are, in bytes.
type Layout struct {
	RAM     uint32 // multiple of the guest's page size
	Records uint32
	RAMBase uint64 // guest-physical address of RAM
}

// Core is an instance of the generated core.
type Core struct {
	Hart    *core.Hart
	RAM     *mem.RAM
	Records engine.Records
	// Size is the length of the module in bytes.
	Size int

	run   api.Function
	stack [1]uint64
	close func(context.Context) error
}

// New instantiates the core of an ISA. The module has no import, and its
// memory never grows: the views of it stay valid.
func New(g isa.ISA, l Layout) (*Core, error) {
	return Instantiate(emit.NewCore(g, Base, Caches), l)
}

// Instantiate instantiates a core that was emitted for a hart at Base.
func Instantiate(k *emit.Core, l Layout) (*Core, error) {
	p := Places{State: Base, Caches: Caches, Records: align(Caches + uint32(core.CachesSize)), Layout: l}
	p.RAMAt = align(p.Records + l.Records)
	bin, err := Module(k, (p.RAMAt+l.RAM+wasm.PageSize-1)/wasm.PageSize)
	if err != nil {
		return nil, err
	}
	code, err := Compile(bin)
	if err != nil {
		return nil, err
	}
	c, err := code.Instantiate(p)
	if err != nil {
		code.Close()
		return nil, err
	}
	c.close = code.rt.Close
	return c, nil
}

// Places says where the parts lie in a module's memory: linear addresses, in
// bytes.
type Places struct {
	State, Caches, Records, RAMAt uint32
	Layout
}

// Code is a compiled core, of which there can be several instances.
type Code struct {
	rt       wazero.Runtime
	compiled wazero.CompiledModule
	size     int
}

// Compile compiles a module as Module makes them: no imports, a memory that
// cannot grow, exports "run" and "memory".
func Compile(module []byte) (*Code, error) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2&^api.CoreFeatureSIMD))
	compiled, err := rt.CompileModule(ctx, module)
	if err != nil {
		rt.Close(ctx)
		return nil, fmt.Errorf("compiling the core: %w", err)
	}
	return &Code{rt, compiled, len(module)}, nil
}

// Close frees the code and all instances.
func (c *Code) Close() { c.rt.Close(context.Background()) }

// Instantiate makes an instance with a memory of its own, all zero.
func (c *Code) Instantiate(p Places) (*Core, error) {
	ctx := context.Background()
	m, err := c.rt.InstantiateModule(experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(fixedMemory)),
		c.compiled, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return nil, fmt.Errorf("instantiating the core: %w", err)
	}
	view, ok := m.Memory().Read(0, m.Memory().Size())
	if !ok {
		panic("BUG: native: the memory does not hold itself")
	}
	for _, end := range []uint64{
		uint64(p.State) + core.StateSize, uint64(p.Caches) + core.CachesSize,
		uint64(p.Records) + uint64(p.Layout.Records), uint64(p.RAMAt) + uint64(p.RAM),
	} {
		if end > uint64(len(view)) {
			m.Close(ctx)
			return nil, fmt.Errorf("instantiating the core: what ends at %#x does not fit into its memory of %d bytes", end, len(view))
		}
	}
	k := &Core{Size: c.size, close: m.Close, run: m.ExportedFunction("run")}
	k.Hart = &core.Hart{State: (*core.State)(unsafe.Pointer(&view[p.State])), Caches: (*core.Caches)(unsafe.Pointer(&view[p.Caches]))}
	k.Records = engine.Records{Bytes: view[p.Records:][:p.Layout.Records], Base: p.Records}
	k.RAM = &mem.RAM{Bytes: view[p.RAMAt:][:p.RAM], Base: p.RAMBase, Host: p.RAMAt}
	return k, nil
}

// Run calls the core's run function. A trap is a bug of the emitter.
func (c *Core) Run() {
	if err := c.run.CallWithStack(context.Background(), c.stack[:]); err != nil {
		panic(fmt.Sprintf("BUG: generated code: %v", err))
	}
}

// Close frees the instance. The views must not be used any more.
func (c *Core) Close() { c.close(context.Background()) }

func align(x uint32) uint32 { return (x + 0xffff) &^ 0xffff }

// Module encodes a core as a module that defines a memory of a fixed number of
// pages of 64 KiB and exports "run" and "memory".
func Module(k *emit.Core, pages uint32) ([]byte, error) {
	m := &wasm.Module{}
	types := wasm.NewTypeTable(m)
	same := func(n int) func(int) (uint32, bool) {
		return func(sym int) (uint32, bool) { return uint32(sym), sym >= 0 && sym < n }
	}
	r := wasm.Resolver{
		Func:  same(len(k.Funcs)),
		Table: same(1),
		Type:  func(t wasm.FuncType) (uint32, bool) { return types.Index(t), true },
	}
	for _, f := range k.Funcs {
		body, err := f.Encode(r)
		if err != nil {
			return nil, fmt.Errorf("core function %s: %w", f.Name, err)
		}
		m.Funcs = append(m.Funcs, types.Index(f.Type))
		m.Bodies = append(m.Bodies, body)
	}
	slots := uint32(abi.FirstPage + len(k.Pages))
	m.Tables = []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: slots, Max: slots, HasMax: true}}}
	if len(k.Pages) > 0 {
		e := wasm.Elem{Mode: wasm.Active, Offset: wasm.ConstI32(abi.FirstPage), Type: wasm.FuncRef}
		for _, p := range k.Pages {
			e.Funcs = append(e.Funcs, uint32(p))
		}
		m.Elems = []wasm.Elem{e}
	}
	m.Memories = []wasm.Limits{{Min: pages, Max: pages, HasMax: true}}
	m.Exports = []wasm.Export{
		{Name: "run", Kind: wasm.KindFunc, Index: uint32(k.Run)},
		{Name: "memory", Kind: wasm.KindMemory, Index: 0},
	}
	if err := wasm.CheckCore(m); err != nil {
		return nil, fmt.Errorf("checking the core: %w", err)
	}
	return m.Encode(), nil
}

// memory is a linear memory whose bytes Go's garbage collector keeps while
// anything refers to them, the views included.
type memory []byte

// fixedMemory allocates a memory that cannot grow.
func fixedMemory(capacity, maximum uint64) experimental.LinearMemory {
	if capacity != maximum || capacity > math.MaxUint32 {
		panic("BUG: native: a memory that may grow")
	}
	return memory(make([]byte, capacity))
}

func (m memory) Reallocate(size uint64) []byte {
	if size > uint64(len(m)) {
		return nil
	}
	return m[:size]
}

func (memory) Free() {}
