//go:build wasip1

// Command machine is the virtual machine inside every file that c2w makes. It
// is compiled for wasip1 as a reactor and joined with the generated core by
// package convert; it cannot run on its own.
package main

import (
	"runtime/debug"
	"strconv"
	"strings"
	"unsafe"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/mem"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/machine/board/riscv64"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// coreRun runs the hart until an exit.
//
//go:wasmimport c2w run
func coreRun()

// segmentRead copies n bytes at offset off of a passive data segment to dst
// and returns n, or -1 if the range is not inside.
//
//go:wasmimport c2w segment_read
func segmentRead(segment, off uint32, dst unsafe.Pointer, n uint32) int32

// hook calls a hook of the host; see abi.HookVersion.
//
//go:wasmimport c2w hook
func hook(slot, a, b, c int32) int32

// main never runs, since a reactor's exports are called. It names what they reach
// for tools that look for code that nothing reaches (tests/deadcode).
func main() { step() }

var (
	host  *wasi.Host
	vm    *machine.Machine
	stats machine.StatsForm
	// attached says that a client speaks the attach protocol.
	attached bool
)

// step runs the machine for a bounded time. It returns 0 to be called again
// and -1 at the end, on hosts whose exit returns.
//
//go:wasmexport c2w_step
func step() int32 {
	if vm == nil {
		if !start() {
			return -1
		}
	}
	r := vm.Step()

	if !r.Done {
		return 0
	}
	report := vm.Report()
	for _, line := range report.Lines(stats) {
		complain(line)
	}
	vm.End(r)
	if attached {
		r.Status = 0 // the client has it; an engine would complain of a large one
	}
	host.Exit(r.Status)
	return -1
}

func complain(text string) { host.Write(wasi.Stderr, []byte("c2w: "+text+"\n")) }

// view is a piece of linear memory that is the core's, not Go's. The collector
// ignores it.
func view(addr, n uintptr) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(addr)), n) }

// room keeps Go's heap away from machine.CachesBase. The linker puts what is
// large and has no pointers behind nearly everything else, 2.5 MiB from the start of
// memory; how exactly, changes with the program.
var room [4 << 20]byte

func start() bool {
	host = wasi.New()
	begin := host.Monotonic()
	debug.SetMemoryLimit(machine.HeapLimit)
	fail := func(err error) bool {
		complain(err.Error())
		host.Exit(machine.StatusFailed)
		return false
	}
	m, err := machine.DecodeManifest(view(machine.ManifestBase, machine.ManifestMax), riscv64.Kind)
	if err != nil {
		return fail(err)
	}
	opts, err := machine.ParseArgs(host.Args(), host.Environ())
	if err != nil {
		return fail(err)
	}
	spec, err := m.Spec(opts.RunOptions)
	if err != nil {
		return fail(err)
	}
	stats, attached = opts.Stats, opts.Attach
	stage := func(string) {}
	if opts.Trace {
		stats = max(stats, machine.StatsText)
		stage = func(name string) {
			us := (host.Monotonic() - begin) / 1000
			complain("boot: " + name + " " + strconv.FormatInt(us/1000, 10) + "." + strconv.FormatInt(us%1000/100, 10))
		}
	}
	stage("machine")
	if at := uintptr(unsafe.Pointer(&room)); at > machine.CachesBase || at+unsafe.Sizeof(room) < machine.CachesBase+core.CachesSize {
		panic("BUG: machine: the room for the caches lies at " + strconv.FormatUint(uint64(at), 16) + ", not around their place")
	}
	cfg := machine.Config{
		Host: host, Board: m.Board,
		RAM: &mem.RAM{Bytes: view(machine.RAMHost, uintptr(m.RAM)), Base: m.Board.RAMBase, Host: machine.RAMHost},
		Hart: &core.Hart{
			State:  (*core.State)(unsafe.Pointer(uintptr(machine.StateBase))),
			Caches: (*core.Caches)(unsafe.Pointer(uintptr(machine.CachesBase))),
		},
		Records: engine.Records{Bytes: view(machine.RecordBase, machine.RecordSize), Base: machine.RecordBase},
		Run:     coreRun,
		Spec:    spec,
		Cmdline: strings.TrimSpace(m.Cmdline + " " + opts.KernelArgs),
		Trace:   stage,
		Stats:   opts.Stats != machine.StatsNone,
		Hook:    hook,
		NoStdin: opts.NoStdin,
		Attach:  opts.Attach,

		ReadOnlyAt: opts.ReadOnlyAt,

		StopSignal: uint8(m.StopSignal),
	}
	if len(m.Pages) > 0 {
		cfg.Bindings = engine.NewBindings()
		for i := range m.Pages {
			cfg.Bindings.Add(m.Pages[i].Key, &m.Pages[i].Binding)
		}
	}
	if err := machine.LoadBlobs(&cfg, m, readSegment); err != nil {
		return fail(err)
	}
	if vm, err = machine.New(cfg); err != nil {
		return fail(err)
	}
	return true
}

// readSegment copies from a passive segment.
func readSegment(segment uint32, p []byte, off int64) bool {
	if len(p) == 0 {
		return true
	}
	return segmentRead(segment, uint32(off), unsafe.Pointer(&p[0]), uint32(len(p))) >= 0
}
