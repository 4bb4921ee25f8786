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
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/mem"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/machine/device/plic"
	"github.com/c2w/c2w/internal/machine/device/rtc"
	"github.com/c2w/c2w/internal/machine/fdt"
	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/machine/virtio/blk"
	"github.com/c2w/c2w/internal/machine/virtio/console"
	"github.com/c2w/c2w/internal/machine/virtio/mmio"
	vp9 "github.com/c2w/c2w/internal/machine/virtio/p9"
	"github.com/c2w/c2w/internal/machine/virtio/rng"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// Config is what a machine is made of.
type Config struct {
	Host    *wasi.Host
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

	plic    *plic.PLIC
	rtc     *rtc.RTC
	slots   [VirtioMax]*mmio.Slot
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
	m.plic = plic.New(func(level bool) { m.Engine.Priv.SetExternal(level) })
	m.rtc = rtc.New(m.host.Realtime, func(level bool) { m.plic.SetLine(RTCIRQ, level) })
	m.console = console.New([]console.PortConfig{
		portConsole:  {Name: "console", Console: true, Output: m.streams.kernel},
		portContract: {Name: agent.PortName, Output: m.contract.receive},
		portStdin:    {Name: agent.PortStdin},
		portStdout:   {Name: agent.PortStdout, Output: m.streams.stdout},
		portStderr:   {Name: agent.PortStderr, Output: m.streams.stderr},
	})
	dma := (*dma)(m)
	plug := func(n int, d interface{}) {
		irq := VirtioIRQ + n
		line := func(level bool) { m.plic.SetLine(irq, level) }
		switch d := d.(type) {
		case *console.Device:
			m.slots[n] = mmio.New(d, dma, line)
		case *blk.Device:
			m.slots[n] = mmio.New(d, dma, line)
		case *rng.Device:
			m.slots[n] = mmio.New(d, dma, line)
		case *vp9.Device:
			m.slots[n] = mmio.New(d, dma, line)
		}
	}
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

	hc := riscv64.Config{MMU: riscv64.Sv48}
	ec := engine.Config{
		ISA: riscv64.Guest, Hart: cfg.Hart, RAM: cfg.RAM, Records: cfg.Records, Platform: (*platform)(m),
		NewHart:  func(s *core.State, env isa.Env) isa.Hart { return riscv64.NewHart(s, env, hc) },
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
	if err := m.load(hc); err != nil {
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

// maxCmdline is what Linux takes of its command line in bytes (COMMAND_LINE_SIZE
// less one); it drops the rest without a word.
const maxCmdline = 1023

// load places kernel, initial file system and device tree, and enters the
// kernel as a firmware would.
func (m *Machine) load(hc riscv64.Config) error {
	if n := len(m.cfg.Cmdline); n > maxCmdline {
		return fmt.Errorf("the kernel's command line has %d bytes, at most %d fit (C2W_KERNEL_ARGS too long?)", n, maxCmdline)
	}
	size := uint64(len(m.ram.Bytes))
	kernelSize, initrdSize := uint64(m.cfg.Kernel.Size()), uint64(m.cfg.Initrd.Size())
	kernel := m.ram.View(RAMBase+kernelOffset, kernelSize)
	// The kernel's image says how much it needs beyond its file (bss); the
	// initial file system and the tree lie at the end of RAM.
	top := size &^ (core.PageSize - 1)
	tree := top - 1<<20
	initrd := (tree - initrdSize) &^ (core.PageSize - 1)
	if kernel == nil || size < MinRAM || initrdSize > size/2 || initrd < kernelSize*2+kernelOffset {
		return fmt.Errorf("%d MiB of guest memory do not hold the kernel (%d bytes) and its initial file system (%d bytes)", size>>20, kernelSize, initrdSize)
	}
	if err := readInto(kernel, m.cfg.Kernel); err != nil {
		return fmt.Errorf("reading the kernel: %w", err)
	}
	if err := readInto(m.ram.Bytes[initrd:initrd+initrdSize], m.cfg.Initrd); err != nil {
		return fmt.Errorf("reading the initial file system: %w", err)
	}
	var seed [64]byte
	if err := m.host.Random(seed[:]); err != nil {
		return fmt.Errorf("reading the host's random numbers: %w", err)
	}
	c := fdt.MachineConfig{
		RAM: fdt.Range{Base: RAMBase, Size: size}, ISA: isaString(hc.Extensions()), MMU: hc.MMUType(), TimebaseHz: TimebaseHz,
		PLIC: fdt.Range{Base: PLICBase, Size: PLICSize}, PLICSources: 31,
		RTC:      fdt.Peripheral{Range: fdt.Range{Base: RTCBase, Size: RTCSize}, IRQ: RTCIRQ},
		BootArgs: m.cfg.Cmdline, Initrd: fdt.Range{Base: RAMBase + initrd, Size: initrdSize}, RNGSeed: seed[:],
	}
	for n, s := range m.slots {
		if s != nil {
			c.Virtio = append(c.Virtio, fdt.Peripheral{Range: fdt.Range{Base: VirtioBase + uint64(n)*VirtioSize, Size: VirtioSize}, IRQ: uint32(VirtioIRQ + n)})
		}
	}
	dtb := fdt.Machine(c)
	copy(m.ram.Bytes[tree:], dtb)
	m.Engine.Priv.Reset(RAMBase+kernelOffset, RAMBase+tree)
	m.cfg.Kernel, m.cfg.Initrd = nil, nil
	m.cfg.Trace("kernel")
	return nil
}

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
	if _, armed := m.rtc.Deadline(); armed {
		m.rtc.Poll()
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
		timeout = min(timeout, int64(m.timerAt)*(1e9/TimebaseHz)+m.epoch-m.host.Monotonic())
	}
	if at := m.contract.killAt; at != 0 {
		timeout = min(timeout, at-m.host.Monotonic())
	}
	if at, armed := m.rtc.Deadline(); armed {
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

// isaString joins extension names the way the device tree's riscv,isa does:
// single letters run together, longer names behind underscores.
func isaString(extensions []string) string {
	letters, long := "rv64", ""
	for _, e := range extensions {
		if len(e) == 1 {
			letters += e
		} else {
			long += "_" + e
		}
	}
	return letters + long
}
