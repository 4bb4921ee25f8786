package hostcpu

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Step executes at most n instructions of a case under ptrace, one after the
// other, and counts them. A repeated string instruction is one. The start state
// must not have TF set. What Linux tells by ptrace leaves exceptions' error
// codes unknown, and tells #MF and #XM not apart.
func (h *Host) Step(c *Case, n int) (Result, error) {
	var r Result
	err := h.trace(c, func(t *child) error {
		var err error
		r, err = t.walk(c, n, nil)
		return err
	})
	return r, err
}

// RunTraced executes a case under ptrace, to its end in one go.
func (h *Host) RunTraced(c *Case) (Result, error) {
	var r Result
	err := h.trace(c, func(t *child) error {
		var err error
		r, err = t.walk(c, -1, nil)
		return err
	})
	return r, err
}

// Starts are the offsets of the instructions of a case that are executed, for
// Case.Starts. What is jumped over counts as part of the instruction in front
// of it.
func (h *Host) Starts(c *Case) ([]int, error) {
	var list []int
	err := h.trace(c, func(t *child) error {
		_, err := t.walk(c, 1<<20, func(rip uint64) {
			if rip >= c.Start.RIP && rip < c.End() {
				list = append(list, int(rip-c.Start.RIP))
			}
		})
		return err
	})
	slices.Sort(list)
	return slices.Compact(list), err
}

// trace runs f with the traced process and starts that if need be.
func (h *Host) trace(c *Case, f func(*child) error) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.Start.Flags&TF != 0 {
		return errors.New("a tracer has the trap flag for itself")
	}
	return h.do(func() (err error) {
		for range 2 { // it may have died since the last case
			if h.traced == nil {
				t, err := startTraced(h.flags, 20*h.opt.Bound)
				if err != nil {
					return err
				}
				h.traced = t
			}
			if err = f(h.traced); err == nil {
				return nil
			}
			h.traced.kill()
			h.traced = nil
			if errors.Is(err, errDied) {
				return nil
			}
			if !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
		return err
	})
}

// errDied goes with a result that says the same.
var errDied = errors.New("the traced process died")

// startTraced starts a process that is stopped, ready to be given a state.
func startTraced(flags uint64, bound time.Duration) (*child, error) {
	t := &child{bound: bound}
	fail := func(err error) (*child, error) {
		t.kill()
		return nil, err
	}
	if err := t.start(nil, flags, 0, true); err != nil {
		return fail(err)
	}
	// The first stop is exec's, the second the boot code's INT3.
	for i := range 2 {
		ws, err := t.wait()
		if err != nil {
			return fail(err)
		}
		if !ws.Stopped() || ws.StopSignal() != unix.SIGTRAP {
			if ws.Exited() || ws.Signaled() {
				t.pid = 0
			}
			return fail(fmt.Errorf("%w: the traced process does not stop: %s", ErrNotHere, t.describe(ws, nil)))
		}
		if i == 0 {
			if err := unix.PtraceSetOptions(t.pid, unix.PTRACE_O_EXITKILL); err != nil {
				return fail(fmt.Errorf("%w: ptrace: %w", ErrNotHere, err))
			}
			if err := unix.PtraceCont(t.pid, 0); err != nil {
				return fail(fmt.Errorf("%w: ptrace: %w", ErrNotHere, err))
			}
		}
	}
	return t, nil
}

// walk executes a case, instruction by instruction if n is not negative, and
// calls visit with the address of each.
func (t *child) walk(c *Case, n int, visit func(rip uint64)) (r Result, err error) {
	var fired atomic.Bool
	pid := t.pid
	timer := time.AfterFunc(t.bound, func() {
		fired.Store(true)
		unix.Tgkill(pid, pid, unix.SIGSTOP)
	})
	defer timer.Stop()
	if err := t.putState(c); err != nil {
		return r, err
	}
	var regs unix.PtraceRegs
	if err := t.getRegs(&regs); err != nil {
		return r, err
	}
	var stop Stop
	steps, counted := 0, uint64(0)
	for {
		step := n >= 0
		if step && regs.Rip == c.End() {
			break
		}
		if step && steps >= n && regs.Rip != counted {
			stop = Stop{Reason: Stepped}
			break
		}
		in := t.prefixes(&regs)
		if step && regs.Rip != counted {
			if visit != nil {
				visit(regs.Rip)
			}
			steps++
		}
		if counted = 0; in.repeated {
			counted = regs.Rip
		}
		before := regs
		sig, err := t.resume(step, &fired)
		if err != nil {
			if errors.Is(err, errDied) {
				r.Stop.Reason = Died
			}
			return r, err
		}
		if in.syscall && step && sig == unix.SIGTRAP {
			// The step is reported first, then that the call was refused.
			sig, err = t.resume(step, &fired)
		}
		if err != nil {
			return r, err
		}
		if err := t.getRegs(&regs); err != nil {
			return r, err
		}
		if sig == unix.SIGSTOP {
			stop = Stop{Reason: TimedOut}
			break
		}
		stop.Signal = int(sig)
		if stop.Code, stop.SigAddr, err = t.siginfo(); err != nil {
			return r, err
		}
		if step && sig == unix.SIGTRAP && stop.Code == trapTrace {
			if in.pushf && before.Eflags&TF == 0 {
				t.unpushTF(regs.Rsp)
			}
			stop = Stop{}
			continue
		}
		if step && regs.Rip == before.Rip {
			steps-- // a fault
		}
		r.RIP = regs.Rip
		stop.classify(c, &r.State)
		regs.Rip = r.RIP
		break
	}
	r.Stop = stop
	r.Steps = steps
	return r, t.getState(c, &regs, &r.State)
}

// resume lets the process go on until it stops. A SIGSTOP of an earlier
// case's timer is passed over.
func (t *child) resume(step bool, fired *atomic.Bool) (unix.Signal, error) {
	for {
		var err error
		if step {
			err = unix.PtraceSingleStep(t.pid)
		} else {
			err = unix.PtraceCont(t.pid, 0)
		}
		if err != nil && err != unix.ESRCH {
			return 0, err
		}
		ws, err := t.wait()
		if err != nil {
			return 0, err
		}
		if ws.Exited() || ws.Signaled() {
			t.pid = 0
			return 0, errDied
		}
		if sig := ws.StopSignal(); sig != unix.SIGSTOP || fired.Load() {
			return sig, nil
		}
	}
}

// putState makes the process ready to execute a case.
func (t *child) putState(c *Case) error {
	s := &c.Start
	copy(t.share[shareCode+s.RIP-CodeBase:], c.Code)
	for i := range s.Mem {
		copy(t.share[shareMem+memOffset(s.Mem[i].Addr):], s.Mem[i].Data[:])
	}
	var regs unix.PtraceRegs
	if err := t.setCS(userCS); err != nil {
		return err
	}
	if err := t.getRegs(&regs); err != nil {
		return err
	}
	// PTRACE_SETREGS leaves these flags alone: the process pops them.
	const own = NT | ID
	regs.Orig_rax = ^uint64(0)
	if (regs.Eflags^s.Flags)&own != 0 {
		const at = shareIn - 16
		t.set(at, s.Flags&own|IF|2)
		regs.Eflags = IF | 2
		regs.Rip, regs.Rsp = address(t.labels, "flags"), shareBase+at
		if err := unix.PtraceSetRegs(t.pid, &regs); err != nil {
			return err
		}
		if sig, err := t.resume(false, new(atomic.Bool)); err != nil || sig != unix.SIGTRAP {
			return fmt.Errorf("setting flags: %v, %w", sig, err)
		}
	}
	for i, p := range gprs(&regs) {
		*p = s.G[i]
	}
	regs.Rip, regs.Eflags = s.RIP, s.Flags
	regs.Fs_base, regs.Gs_base = s.FSBase, s.GSBase
	regs.Ds, regs.Es = userDS, userDS
	if c.Compat {
		regs.Cs = compatCS
	}
	if err := unix.PtraceSetRegs(t.pid, &regs); err != nil {
		return fmt.Errorf("setting registers: %w", err)
	}
	return t.putVectors(s)
}

// offsetCS is the code segment's place in struct user.
const offsetCS = 8 * 17

func (t *child) setCS(cs uint64) error {
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_POKEUSR, uintptr(t.pid), offsetCS, uintptr(cs), 0, 0)
	if errno != 0 {
		return fmt.Errorf("setting CS: %w", errno)
	}
	return nil
}

// getRegs reads registers. Those of a process in 32-bit code come in another
// form, without their upper halves, so it is none for a moment.
func (t *child) getRegs(regs *unix.PtraceRegs) error {
	var cs uint64
	if err := t.ptrace(unix.PTRACE_PEEKUSR, offsetCS, unsafe.Pointer(&cs)); err != nil {
		return fmt.Errorf("reading CS: %w", err)
	}
	if cs != userCS {
		if err := t.setCS(userCS); err != nil {
			return err
		}
		defer t.setCS(cs)
	}
	if err := unix.PtraceGetRegs(t.pid, regs); err != nil {
		return fmt.Errorf("reading registers: %w", err)
	}
	regs.Cs = cs
	return nil
}

// gprs are the general registers by encoding.
func gprs(r *unix.PtraceRegs) [16]*uint64 {
	return [16]*uint64{&r.Rax, &r.Rcx, &r.Rdx, &r.Rbx, &r.Rsp, &r.Rbp, &r.Rsi, &r.Rdi,
		&r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15}
}

// getState reads what a case has left, and clears code and memory.
func (t *child) getState(c *Case, regs *unix.PtraceRegs, s *State) error {
	for i, p := range gprs(regs) {
		s.G[i] = *p
	}
	s.RIP, s.Flags = regs.Rip, regs.Eflags
	s.FSBase, s.GSBase = regs.Fs_base, regs.Gs_base
	for i := range c.Code {
		t.share[shareCode+int(c.Start.RIP-CodeBase)+i] = 0xcc
	}
	s.Mem = nil
	for offset := 0; offset < memSize; offset += LineSize {
		line := (*[LineSize]byte)(t.share[shareMem+offset:])
		if *line != [LineSize]byte{} {
			s.Mem = append(s.Mem, Line{memAddress(uint64(offset)), *line})
			*line = [LineSize]byte{}
		}
	}
	return t.getVectors(s)
}

// insn is what stepping has to know of an instruction.
type insn struct {
	pushf    bool
	repeated bool // stops after each repetition
	syscall  bool
}

// prefixes looks at the instruction at RIP, as far as it lies in the code
// pages.
func (t *child) prefixes(regs *unix.PtraceRegs) (in insn) {
	rep := false
	for at := regs.Rip; at >= CodeBase && at < CodeBase+CodeSize; at++ {
		switch b := t.share[shareCode+at-CodeBase]; {
		case b == 0xf2 || b == 0xf3:
			rep = true
		case b == 0x66 || b == 0x67 || b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 || b == 0x65:
		case b&0xf0 == 0x40 && regs.Cs == userCS:
		case b == 0x9c:
			return insn{pushf: true}
		case b == 0x0f || b == 0xcd: // syscall, sysenter, int 80
			next := t.share[shareCode+(at+1-CodeBase)%CodeSize]
			return insn{syscall: b == 0x0f && (next == 0x05 || next == 0x34) || b == 0xcd && next == 0x80}
		default:
			return insn{repeated: rep && (b >= 0xa4 && b <= 0xa7 || b >= 0xaa && b <= 0xaf || b >= 0x6c && b <= 0x6f)}
		}
	}
	return in
}

// unpushTF clears the trap flag, the tracer's, in flags that have been pushed.
func (t *child) unpushTF(rsp uint64) {
	if InMemory(rsp, 2) {
		t.share[shareMem+memOffset(rsp)+1] &^= TF >> 8
	}
}

// siginfo is the code and address of the signal that stopped the process.
func (t *child) siginfo() (code int, addr uint64, err error) {
	var info [128]byte
	if err := t.ptrace(unix.PTRACE_GETSIGINFO, 0, unsafe.Pointer(&info)); err != nil {
		return 0, 0, fmt.Errorf("reading the signal: %w", err)
	}
	return int(int32(le.Uint32(info[8:]))), le.Uint64(info[16:]), nil
}

func (t *child) ptrace(request int, addr uintptr, data unsafe.Pointer) error {
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(t.pid), addr, uintptr(data), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

const (
	regsetXState = 0x202 // NT_X86_XSTATE
	maxXState    = 16384
)

// xstate reads the XSAVE image. It is empty where the processor has none.
func (t *child) xstate() ([]byte, error) {
	buf := make([]byte, maxXState)
	v := unix.Iovec{Base: &buf[0], Len: maxXState}
	err := t.ptrace(unix.PTRACE_GETREGSET, regsetXState, unsafe.Pointer(&v))
	if err == unix.ENODEV || err == unix.EIO {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading XSAVE state: %w", err)
	}
	return buf[:v.Len], nil
}

const fpregsSize = 512

func (t *child) putVectors(s *State) error {
	x, err := t.xstate()
	if err != nil {
		return err
	}
	if len(x) == 0 {
		var fx [fpregsSize]byte
		putFX(fx[:], s)
		return t.ptrace(unix.PTRACE_SETFPREGS, 0, unsafe.Pointer(&fx))
	}
	clear(x[:fxSize])
	putFX(x, s)
	bv := le.Uint64(x[xsaveBV:]) | 3
	if t.word(ctlFlags)&flagYMM != 0 {
		bv |= xsaveYMMBit
		putYMM(x[xsaveYMM:], s)
	}
	le.PutUint64(x[xsaveBV:], bv)
	v := unix.Iovec{Base: &x[0], Len: uint64(len(x))}
	if err := t.ptrace(unix.PTRACE_SETREGSET, regsetXState, unsafe.Pointer(&v)); err != nil {
		return fmt.Errorf("setting XSAVE state: %w", err)
	}
	return nil
}

func (t *child) getVectors(s *State) error {
	x, err := t.xstate()
	if err != nil {
		return err
	}
	if len(x) == 0 {
		var fx [fpregsSize]byte
		err := t.ptrace(unix.PTRACE_GETFPREGS, 0, unsafe.Pointer(&fx))
		getFX(fx[:], s)
		return err
	}
	getFX(x, s)
	if t.word(ctlFlags)&flagYMM != 0 {
		getYMM(x[xsaveYMM:], s)
	}
	return nil
}
