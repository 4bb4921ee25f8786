//go:build !wasip1

package machine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/machine/board"
	riscv "github.com/c2w/c2w/internal/machine/board/riscv64"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/mem"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// smallRAM is the RAM of one machine after the other.
var smallRAM = make([]byte, MinRAM)

// small is a configuration with a kernel of a few instructions, which the
// evaluator runs.
func small(host *wasi.Host, code ...uint32) Config {
	var kernel []byte
	for _, w := range code {
		kernel = binary.LittleEndian.AppendUint32(kernel, w)
	}
	return Config{
		Host: host, Board: riscv.Kind, RAM: &mem.RAM{Bytes: smallRAM, Base: riscv.RAMBase},
		Hart: core.NewHart(), Records: engine.Records{Base: RecordBase},
		Kernel: bytes.NewReader(kernel), Initrd: bytes.NewReader([]byte("initrd")), Disk: bytes.NewReader(make([]byte, 4096)),
		Spec: &agent.Spec{Args: []string{"x"}},
	}
}

func newSmall(t *testing.T, s wasi.Streams, code ...uint32) *Machine {
	t.Helper()
	m, err := New(small(s.NewHost(), code...))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Instructions and registers.
const (
	loop  = 0x0000006f // jal x0, 0
	wfi   = 0x10500073
	ecall = 0x00000073

	t0, t1, t2, a0, a1, a6, a7 = 5, 6, 7, 10, 11, 16, 17
)

func addi(rd, rs, imm int) uint32 { return uint32(imm)<<20 | uint32(rs)<<15 | uint32(rd)<<7 | 0x13 }
func add(rd, a, b int) uint32     { return uint32(b)<<20 | uint32(a)<<15 | uint32(rd)<<7 | 0x33 }
func slli(rd, rs, n int) uint32   { return uint32(n)<<20 | uint32(rs)<<15 | 1<<12 | uint32(rd)<<7 | 0x13 }
func srli(rd, rs, n int) uint32   { return uint32(n)<<20 | uint32(rs)<<15 | 5<<12 | uint32(rd)<<7 | 0x13 }
func lwu(rd, rs, imm int) uint32 {
	return uint32(imm)<<20 | uint32(rs)<<15 | 6<<12 | uint32(rd)<<7 | 0x03
}
func sw(rs2, rs1, imm int) uint32 {
	return uint32(imm>>5)<<25 | uint32(rs2)<<20 | uint32(rs1)<<15 | 2<<12 | uint32(imm&31)<<7 | 0x23
}
func csrw(csr, rs int) uint32 { return uint32(csr)<<20 | uint32(rs)<<15 | 1<<12 | 0x73 }
func csrr(rd, csr int) uint32 { return uint32(csr)<<20 | 2<<12 | uint32(rd)<<7 | 0x73 }

// li loads 32 bits, zero-extended.
func li(rd int, v uint32) []uint32 {
	return []uint32{
		(v+0x800)&0xfffff000 | uint32(rd)<<7 | 0x37, addi(rd, rd, int(v<<20)>>20), slli(rd, rd, 32), srli(rd, rd, 32),
	}
}

func asm(parts ...any) (code []uint32) {
	for _, p := range parts {
		switch p := p.(type) {
		case []uint32:
			code = append(code, p...)
		case uint32:
			code = append(code, p)
		case int:
			code = append(code, uint32(p))
		}
	}
	return code
}

// reset is a call of the system reset extension.
func reset(kind, reason int) []uint32 {
	return asm(li(a7, 0x53525354), addi(a6, 0, 0), addi(a0, 0, kind), addi(a1, 0, reason), ecall, loop)
}

// end steps to the end and counts.
func end(t *testing.T, m *Machine) (r Result, steps int) {
	t.Helper()
	for !r.Done {
		if r = m.Step(); steps > 1000 {
			t.Fatal("no end")
		}
		steps++
	}
	return r, steps
}

// TestPowerOff: how a guest stops without a word of its init.
func TestPowerOff(t *testing.T) {
	for _, c := range []struct {
		kind, reason int
		want         error
		status       int
	}{{0, 0, errNoStatus, 122}, {0, 1, errCrash, 123}, {1, 0, errCrash, 123}, {2, 1, errCrash, 123}} {
		m := newSmall(t, wasi.Streams{}, reset(c.kind, c.reason)...)
		if r, _ := end(t, m); !errors.Is(r.Err, c.want) || r.Status != c.status {
			t.Errorf("reset %d for reason %d: status %d, %v", c.kind, c.reason, r.Status, r.Err)
		}
		if again := m.Step(); !again.Done {
			t.Error("goes on after the end")
		}
	}
	m := newSmall(t, wasi.Streams{}, reset(0, 0)...)
	m.contract.receive(frames(t, agent.Ready{}, agent.Exit{Status: 7}))
	if r, _ := end(t, m); r.Err != nil || r.Status != 7 {
		t.Errorf("with a status: %d, %v", r.Status, r.Err)
	}
}

// TestIdleTimer: the host sleeps until the guest's timer, and the guest does
// nothing meanwhile.
func TestIdleTimer(t *testing.T) {
	const ms = 40
	code := asm(
		li(a7, 0x54494d45), addi(a6, 0, 0), csrr(a0, 0xc01), li(t0, ms*riscv.TimebaseHz/1000), add(a0, a0, t0), ecall,
		addi(t0, 0, 1<<5), csrw(0x104, t0), wfi,
		reset(0, 0))
	m := newSmall(t, wasi.Streams{}, code...)
	begin := time.Now()
	_, steps := end(t, m)
	if took := time.Since(begin); took < ms*time.Millisecond/2 {
		t.Errorf("over after %v", took)
	}
	if n := m.Engine.S.Retired; n > uint64(len(code)) || steps > 5 {
		t.Errorf("%d instructions in %d steps", n, steps)
	}
}

// TestIdleAlarm: the same with the real-time clock's alarm.
func TestIdleAlarm(t *testing.T) {
	const ms = 40
	code := asm(
		li(t0, riscv.PLICBase), addi(t1, 0, 1), sw(t1, t0, 4*riscv.RTCIRQ), // priority
		li(t0, riscv.PLICBase+0x2000), li(t1, 1<<riscv.RTCIRQ), sw(t1, t0, 0), // enable
		li(t0, riscv.RTCBase), addi(t1, 0, 1), sw(t1, t0, 0x10), // the alarm's interrupt
		lwu(a0, t0, 0), lwu(a1, t0, 4), slli(a1, a1, 32), add(a0, a0, a1),
		li(t1, ms*1_000_000), add(a0, a0, t1), srli(a1, a0, 32), sw(a1, t0, 12), sw(a0, t0, 8),
		li(t0, 1<<9), csrw(0x104, t0), wfi,
		reset(0, 0))
	m := newSmall(t, wasi.Streams{}, code...)
	begin := time.Now()
	_, steps := end(t, m)
	if took := time.Since(begin); took < ms*time.Millisecond/2 {
		t.Errorf("over after %v", took)
	}
	if n := m.Engine.S.Retired; n > uint64(len(code)) || steps > 5 {
		t.Errorf("%d instructions in %d steps", n, steps)
	}
}

// TestTimerDeadlines: deadlines in the past fire at once, far ones never.
func TestTimerDeadlines(t *testing.T) {
	m := newSmall(t, wasi.Streams{}, loop)
	p := (*platform)(m)
	for _, at := range []uint64{1 << 56, math.MaxUint64, math.MaxUint64 >> 1} {
		p.SetTimer(at)
		m.timers()
		if m.timerOn || m.Engine.S.S[8] != 0 {
			t.Errorf("deadline %#x counts", at)
		}
	}
	p.SetTimer(1<<56 - 1)
	if !m.timerOn {
		t.Error("the last deadline does not count")
	}
	p.SetTimer(0)
	m.timers()
	if m.timerOn || m.Engine.S.S[8] != 1<<5 {
		t.Error("a deadline in the past does not fire")
	}
}

// TestBusyStep: a guest that never idles does not hold its host.
func TestBusyStep(t *testing.T) {
	m := newSmall(t, wasi.Streams{}, loop)
	if r := m.Step(); r.Done || m.Engine.S.Retired < stepInsns || m.Engine.S.Retired > 2*stepInsns {
		t.Errorf("%v after %d instructions", r.Done, m.Engine.S.Retired)
	}
}

// TestTooSmall: what does not fit is said.
func TestTooSmall(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"RAM":          {func(c *Config) { c.RAM.Bytes = c.RAM.Bytes[:MinRAM-core.PageSize] }, "47 MiB of guest memory do not hold"},
		"no RAM":       {func(c *Config) { c.RAM.Bytes = nil }, "0 MiB of guest memory do not hold"},
		"kernel":       {func(c *Config) { c.Kernel = sized(MinRAM) }, "of guest memory do not hold the kernel"},
		"huge kernel":  {func(c *Config) { c.Kernel = sized(math.MaxInt64) }, "of guest memory do not hold the kernel"},
		"half as much": {func(c *Config) { c.Kernel = sized(MinRAM/2 + 1) }, "of guest memory do not hold the kernel"},
		"initrd":       {func(c *Config) { c.Initrd = sized(MinRAM) }, "its initial file system"},
		"huge initrd":  {func(c *Config) { c.Initrd = sized(math.MaxInt64) }, "its initial file system"},
		"command line": {func(c *Config) { c.Cmdline = strings.Repeat("x", 1024) }, "command line has 1024 bytes"},
		"bad kernel":   {func(c *Config) { c.Kernel = failing{100} }, "reading the kernel: on fire"},
		"bad initrd":   {func(c *Config) { c.Initrd = failing{100} }, "reading the initial file system: on fire"},
		"short":        {func(c *Config) { c.Initrd = short{bytes.NewReader(nil)} }, "reading the initial file system: unexpected EOF"},
	} {
		cfg := small(wasi.Streams{}.NewHost(), loop)
		c.change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sized is a source of zeros.
type sized int64

func (s sized) Size() int64                           { return int64(s) }
func (s sized) ReadAt(p []byte, _ int64) (int, error) { return len(p), nil }

type failing struct{ size int64 }

func (f failing) Size() int64                     { return f.size }
func (failing) ReadAt([]byte, int64) (int, error) { return 0, errors.New("on fire") }

// short promises more than it has.
type short struct{ io.ReaderAt }

func (short) Size() int64 { return 100 }

// TestMMIO: which window answers, and that no access reaches beyond it.
func TestMMIO(t *testing.T) {
	m := newSmall(t, wasi.Streams{}, loop)
	p := (*platform)(m)
	const magic = 0x74726976
	for _, c := range []struct {
		pa   uint64
		size int
		want uint64
		ok   bool
	}{
		{riscv.VirtioBase, 4, magic, true},
		{riscv.VirtioBase + SlotDisk*riscv.VirtioSize, 4, magic, true},
		{riscv.VirtioBase + SlotDisk*riscv.VirtioSize + 8, 4, 2, true},
		{riscv.VirtioBase + SlotRNG*riscv.VirtioSize + 8, 4, 4, true},
		{riscv.VirtioBase + 3*riscv.VirtioSize, 4, 0, true}, // empty slots
		{riscv.VirtioBase + 7*riscv.VirtioSize + 0xff8, 8, 0, true},
		{riscv.VirtioBase, 8, 0, true}, {riscv.VirtioBase, 1, 0, true}, {riscv.VirtioBase + 1, 4, 0, true}, // not a register's way
		{riscv.VirtioBase + riscv.VirtioSize - 4, 8, 0, true}, // over the end of a slot, in the window
		{riscv.VirtioBase + SlotDisk*riscv.VirtioSize + 0x100, 8, 8, true},
		{riscv.VirtioBase + board.Slots*riscv.VirtioSize - 4, 8, 0, false},
		{riscv.VirtioBase + board.Slots*riscv.VirtioSize - 1, 1, 0, true},
		{riscv.VirtioBase + board.Slots*riscv.VirtioSize, 1, 0, false},
		{riscv.VirtioBase - 1, 1, 0, false}, {riscv.VirtioBase - 1, 2, 0, false}, {riscv.VirtioBase - 4, 8, 0, false},
		{riscv.PLICBase, 4, 0, true}, {riscv.PLICBase + riscv.PLICSize - 4, 4, 0, true}, {riscv.PLICBase + riscv.PLICSize - 4, 8, 0, false}, {riscv.PLICBase + riscv.PLICSize, 4, 0, false}, {riscv.PLICBase - 4, 4, 0, false},
		{riscv.PLICBase + 0x201ff9, 8, 0, true},
		{riscv.RTCBase + 0x18, 4, 0, true}, {riscv.RTCBase + riscv.RTCSize - 1, 1, 0, true}, {riscv.RTCBase + riscv.RTCSize - 1, 2, 0, false}, {riscv.RTCBase - 4, 4, 0, false},
		{0, 8, 0, false}, {math.MaxUint64, 1, 0, false}, {math.MaxUint64 - 3, 8, 0, false}, {riscv.RAMBase - 4, 8, 0, false}, {riscv.RAMBase + MinRAM, 8, 0, false},
	} {
		if v, ok := p.MMIORead(c.pa, c.size); v != c.want || ok != c.ok {
			t.Errorf("reading %d bytes at %#x: %#x, %v, want %#x, %v", c.size, c.pa, v, ok, c.want, c.ok)
		}
		if c.pa != riscv.VirtioBase { // its registers, the magic first, do not mind either
			if ok := p.MMIOWrite(c.pa, c.size, math.MaxUint64); ok != c.ok {
				t.Errorf("writing %d bytes at %#x: %v, want %v", c.size, c.pa, ok, c.ok)
			}
		}
	}
	if v, ok := p.MMIORead(riscv.RTCBase, 4); !ok || v == 0 {
		t.Errorf("the clock shows %d, %v", v, ok)
	}
}

// FuzzMMIO writes whatever anywhere in the windows: nothing may break.
func FuzzMMIO(f *testing.F) {
	f.Add([]byte("\x00\x10\x00\x70\x04\x01\x02\x03\x04\x05\x06\x07\x08"))
	var m *Machine
	f.Fuzz(func(t *testing.T, b []byte) {
		if m == nil {
			m = newSmall(t, wasi.Streams{}, loop)
		}
		p := (*platform)(m)
		for ; len(b) >= 13; b = b[13:] {
			base := [...]uint64{riscv.VirtioBase, riscv.PLICBase, riscv.RTCBase, 0}[b[0]&3]
			pa := base + uint64(binary.BigEndian.Uint32(b[1:])&0x7fffff)
			size := 1 << (b[0] >> 2 & 3)
			v := binary.LittleEndian.Uint64(b[5:])
			if b[0]&0x10 != 0 {
				v = riscv.RAMBase + v&(MinRAM-1)
			}
			p.MMIOWrite(pa, size, v)
			p.MMIORead(pa, size)
			m.pollDevices()
		}
		m.timers()
	})
}

// TestOutputFailure: a run whose output cannot be written says why.
func TestOutputFailure(t *testing.T) {
	m := newSmall(t, wasi.Streams{}, loop)
	m.streams.fail(errors.New("no space"))
	m.streams.fail(errors.New("and more"))
	if r, _ := end(t, m); r.Status != StatusFailed || !r.Own || r.Err == nil || r.Err.Error() != "no space" {
		t.Errorf("status %d, %v", r.Status, r.Err)
	}
}
