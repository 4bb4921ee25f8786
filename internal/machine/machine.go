// Package machine is the virtual computer: its memory map, its devices, the
// boot of a kernel, and the loop that runs the hart and talks to the host. The
// same code runs natively under go test and, compiled for wasip1, inside every
// file that c2w makes. The packages of its wing are its parts: virtio and device
// the devices, p9 and hostfs the host's directories, wasi the host, fdt the
// device tree; trial runs a machine in this process, the same each time.
//
// In come kernel, initial file system, disk and a host; out go the container's
// output and status. cmd/machine asks, and whoever boots a guest to train, check
// or test. What the machine runs is handed to it: it knows no image and no
// converter.
package machine

import (
	"errors"
	"fmt"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/mem"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/machine/board"
	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/machine/virtio"
	"github.com/c2w/c2w/internal/machine/virtio/blk"
	"github.com/c2w/c2w/internal/machine/virtio/console"
	"github.com/c2w/c2w/internal/machine/virtio/mmio"
	"github.com/c2w/c2w/internal/machine/virtio/rng"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// Config is what a machine is made of.
type Config struct {
	Host    *wasi.Host
	Board   *board.Kind
	RAM     *mem.RAM
	Hart    *core.Hart
	Records engine.Records
	Run     func() // the core; nil runs in Go
	// Drive, if set, runs the engine for about n instructions in place of
	// Engine.Run, and returns how many it were.
	Drive    func(e *engine.Engine, n int) int
	Bindings *engine.Bindings
	Profile  *engine.Profile // collects what runs, if set

	Kernel  Source // Linux Image
	Initrd  Source // cpio archive
	Disk    Source // nil for none
	Cmdline string
	Spec    *agent.Spec
	// NoStdin gives the command an empty standard input; Attach says that the
	// host's standard streams carry the attach protocol.
	NoStdin, Attach bool
	// Files are the directories that the host hands over; nil asks Host.
	Files hostfs.FS
	// ReadOnlyAt names directories of the host that the guest may not write to.
	ReadOnlyAt []string
	// StopSignal is what ends the container in good order; 0 is SIGTERM.
	StopSignal uint8
	// Hook calls a hook of the host; nil has none.
	Hook func(slot, a, b, c int32) int32
	// Trace, if set, hears of the stages of the boot.
	Trace func(stage string)
	// Stats measures where the time goes, for Machine.Report.
	Stats bool
}

// Machine is a virtual computer.
type Machine struct {
	cfg    Config
	host   *wasi.Host
	ram    *mem.RAM
	Engine *engine.Engine

	board   board.Board
	slots   [board.Slots]*mmio.Slot
	console *console.Device

	times    times
	epoch    int64 // host's monotonic time of tick 0
	timerAt  uint64
	timerOn  bool
	idle     bool
	more     bool  // devices have work left that waits for nothing
	lastPoll int64 // host time of the last look at standard input

	contract session
	streams  streams
	off      bool // powered off
	failed   bool // by a crash of the kernel
}

// The console's ports.
const (
	portConsole = iota // hvc0: what the kernel says
	portContract
	portStdin
	portStdout
	portStderr
)

// New wires a machine and loads the kernel.
func New(cfg Config) (*Machine, error) {
	m := &Machine{cfg: cfg, host: cfg.Host, ram: cfg.RAM}
	if cfg.Trace == nil {
		m.cfg.Trace = func(string) {}
	}
	if cfg.Drive == nil {
		m.cfg.Drive = (*engine.Engine).Run
	}
	m.contract.m, m.streams.m = m, m
	m.epoch = m.host.Monotonic()
	m.times.begin = m.clock()
	m.board = cfg.Board.New(board.Config{
		RAM: cfg.RAM, Slots: &m.slots, Realtime: m.host.Realtime,
		Console: func(p []byte) { m.host.Write(wasi.Stderr, p) },
		Off:     m.powerOff,
	})
	m.console = console.New([]console.PortConfig{
		portConsole:  {Name: "console", Console: true, Output: m.streams.kernel},
		portContract: {Name: agent.PortName, Output: m.contract.receive},
		portStdin:    {Name: agent.PortStdin},
		portStdout:   {Name: agent.PortStdout, Output: m.streams.stdout},
		portStderr:   {Name: agent.PortStderr, Output: m.streams.stderr},
	})
	dma := (*dma)(m)
	plug := func(n int, d virtio.Device) { m.slots[n] = mmio.New(d, dma, m.board.Line(n)) }
	plug(SlotConsole, m.console)
	if cfg.Disk != nil {
		plug(SlotDisk, blk.New(blk.Config{Disk: cfg.Disk, Size: uint64(cfg.Disk.Size()), ID: "c2w-root"}))
	}
	plug(SlotRNG, rng.New(func(p []byte) { m.host.Random(p) }))
	if cfg.Files == nil {
		cfg.Files = m.host.Files()
	}
	shared, hidden := files(cfg.Files, cfg.Spec, cfg.ReadOnlyAt)
	if shared != nil {
		plug(SlotFiles, shared)
	}

	ec := engine.Config{
		ISA: cfg.Board.ISA, Hart: cfg.Hart, RAM: cfg.RAM, Records: cfg.Records, Platform: (*platform)(m),
		NewHart:  m.board.Hart,
		Run:      cfg.Run,
		Bindings: cfg.Bindings,
		Profile:  cfg.Profile,
	}
	if m.compilesLate() {
		ec.BindAfter = bindAfter
	}
	if cfg.Stats {
		ec.Clock = m.host.Monotonic
	}
	m.Engine = engine.New(ec)
	if err := m.load(); err != nil {
		return nil, err
	}
	m.streams.begin()
	// wasmer hands over a root and a working directory of its own making.
	if len(hidden) == 1 {
		m.Say("the host's directory " + hidden[0] + " would hide all of the container: let it appear elsewhere, such as --dir .::/mnt")
	}
	return m, nil
}

// bindAfter is how many instructions a page executes, about, before its function
// is called on a host that compiles while it runs.
const bindAfter = 500_000

// compilesLate reports whether the host compiles functions while they run.
func (m *Machine) compilesLate() bool {
	if m.hooks() >= 2 {
		if late := m.cfg.Hook(abi.HookCompilesLate, 0, 0, 0); late != abi.HookUnavailable {
			return late == 1
		}
	}
	return m.host.CompilesLate()
}

// hooks is the version of the host's hooks, below 1 if it has none.
func (m *Machine) hooks() int32 {
	if m.cfg.Hook == nil {
		return 0
	}
	return m.cfg.Hook(abi.HookVersion, abi.HooksVersion, 0, 0)
}

// load boots the guest.
func (m *Machine) load() error {
	if len(m.ram.Bytes) < MinRAM {
		return fmt.Errorf("%d MiB of guest memory do not hold a guest: at least %d", len(m.ram.Bytes)>>20, MinRAM>>20)
	}
	var seed [64]byte
	if err := m.host.Random(seed[:]); err != nil {
		return fmt.Errorf("reading the host's random numbers: %w", err)
	}
	if err := m.board.Load(&board.Boot{Kernel: m.cfg.Kernel, Initrd: m.cfg.Initrd, Cmdline: m.cfg.Cmdline, Seed: seed[:]}); err != nil {
		return err
	}
	m.cfg.Kernel, m.cfg.Initrd = nil, nil
	m.cfg.Trace("kernel")
	return nil
}

// powerOff ends the run: in good order, or as a kernel that panics or restarts
// asks for.
func (m *Machine) powerOff(crashed bool) {
	m.off, m.failed = true, crashed
	m.Engine.Stop()
}

// tick is how long one of the timer's is, in nanoseconds.
func (m *Machine) tick() int64 { return 1e9 / m.cfg.Board.TimebaseHz }

// stepInsns is how many instructions one Step runs at most: a few
// milliseconds, so that hosts with an event loop stay responsive.
const stepInsns = 1_000_000

// pollEvery is how long standard input may go unnoticed by a busy machine, in
// nanoseconds.
const pollEvery = 5_000_000

// Result is what a Step comes back with.
type Result struct {
	Done        bool
	Status      int   // exit status of the run, when Done
	Signal      int   // that killed the command, or 0
	OutOfMemory bool  // the guest's kernel killed a process for want of memory
	Own         bool  // Status is not the command's
	Err         error // what a person should know of how it ended
}

// Step runs the machine for a bounded time. It sleeps when the guest idles.
func (m *Machine) Step() Result {
	if m.idle {
		m.sleep()
		if m.idle {
			return Result{}
		}
	}
	for n := 0; n < stepInsns && !m.over(); {
		n += m.cfg.Drive(m.Engine, 10_000)
		begin := m.clock()
		m.timers()
		m.more = m.pollDevices()
		m.times.devices += m.clock() - begin
		if m.idle {
			m.sleep()
			n = stepInsns
		}
	}
	if now := m.host.Monotonic(); now-m.lastPoll >= pollEvery {
		m.lastPoll = now
		begin := m.clock()
		m.streams.poll(0)
		m.times.devices += m.clock() - begin
	}
	if err := m.streams.err; err != nil {
		return Result{Done: true, Status: StatusFailed, Own: true, Err: err}
	}
	if !m.off {
		return Result{}
	}
	return m.contract.result(m.failed)
}

// over says that the guest is not to run any more.
func (m *Machine) over() bool { return m.off || m.streams.err != nil }

// timers delivers what is due.
func (m *Machine) timers() {
	if at := m.contract.killAt; at != 0 && m.host.Monotonic() >= at {
		m.contract.expire()
	}
	if m.timerOn && (*platform)(m).Ticks() >= m.timerAt {
		m.timerOn = false
		m.Engine.Priv.TimerFired()
	}
	if _, armed := m.board.Deadline(); armed {
		m.board.Poll()
	}
}

// pollDevices carries on what devices have left, and gives the guest what waits
// for it. It reports whether doing so again would bring something at once.
func (m *Machine) pollDevices() (more bool) {
	for _, s := range m.slots {
		if s != nil && s.Poll() {
			more = true
		}
	}
	m.contract.flush()
	m.streams.flush()
	return more
}

// sleep waits until the guest has something to do. It may return early: then
// the machine is idle still.
//
// Whatever the host has for the guest is with its devices before and after the
// wait, so that their interrupts end the idleness: what stayed in a queue of the
// machine's would not come before the guest's next timer.
func (m *Machine) sleep() {
	m.idle = false
	m.more = m.pollDevices()
	if m.over() || m.Engine.Priv.Runnable() {
		return
	}
	timeout := int64(1 << 40)
	if m.more {
		timeout = 0
	}
	if m.timerOn {
		timeout = min(timeout, int64(m.timerAt)*m.tick()+m.epoch-m.host.Monotonic())
	}
	if at := m.contract.killAt; at != 0 {
		timeout = min(timeout, at-m.host.Monotonic())
	}
	if at, armed := m.board.Deadline(); armed {
		timeout = min(timeout, at-m.host.Realtime())
	}
	if timeout > 0 {
		begin := m.clock()
		m.streams.poll(timeout)
		m.times.idle += m.clock() - begin
	}
	m.timers()
	m.more = m.pollDevices()
	if !m.over() && !m.Engine.Priv.Runnable() {
		m.idle = true
	}
}

func (m *Machine) stopSignal() uint8 {
	if m.cfg.StopSignal == 0 {
		return 15
	}
	return m.cfg.StopSignal
}

// Stats are the engine's counters.
func (m *Machine) Stats() engine.Stats { return m.Engine.Stats }

var (
	errNoStatus = errors.New("the guest powered itself off before the command had ended")
	errCrash    = errors.New("the guest's kernel panicked or restarted; add C2W_KERNEL_ARGS=loglevel=7 to the environment to see what it says")
)
