package hostcpu

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

// Host executes sequences in child processes: batches in one that is not
// traced, since a tracer would be woken for every signal, and single steps in
// one that is. Processes that died are started again. It may be used by several
// goroutines, which wait for each other.
type Host struct {
	opt      Options
	features Features
	flags    uint64 // flag*

	mu     sync.Mutex
	calls  chan func() // to the thread that is the children's parent and tracer
	batch  *child
	traced *child
}

// New starts a host. Its error is ErrNotHere if sequences cannot be executed
// here.
func New(opt Options) (*Host, error) {
	if opt.Bound <= 0 {
		opt.Bound = 50 * time.Millisecond
	}
	h := &Host{opt: opt, calls: make(chan func())}
	if cpu.X86.HasAVX && !opt.NoYMM {
		h.flags |= flagYMM
	}
	if !opt.NoFSGSBASE && auxv(unixAtHWCAP2)&2 != 0 {
		h.flags |= flagBases
	}
	go h.serve()
	if err := h.detect(); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

const unixAtHWCAP2 = 26

func auxv(key uintptr) uintptr {
	list, err := unix.Auxv()
	if err != nil {
		return 0
	}
	for _, kv := range list {
		if kv[0] == key {
			return kv[1]
		}
	}
	return 0
}

// serve never gives its thread back: with the thread ends the children's
// parent, and by that the children.
func (h *Host) serve() {
	runtime.LockOSThread()
	for f := range h.calls {
		f()
	}
}

// do runs f on the children's thread.
func (h *Host) do(f func() error) (err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.calls == nil {
		return errors.New("the host is closed")
	}
	done := make(chan struct{})
	h.calls <- func() {
		defer close(done)
		err = f()
	}
	<-done
	return err
}

// Close ends the children.
func (h *Host) Close() error {
	err := h.do(func() error {
		for _, c := range []**child{&h.batch, &h.traced} {
			if *c != nil {
				(*c).kill()
				*c = nil
			}
		}
		return nil
	})
	if err == nil {
		h.mu.Lock()
		close(h.calls)
		h.calls = nil
		h.mu.Unlock()
	}
	return err
}

// Features are the CPU's.
func (h *Host) Features() Features { return h.features }

// detect reads features out of CPUID, executed like any sequence.
func (h *Host) detect() error {
	ask := func(code string, rax, rcx uint32) (r [4]uint32, err error) {
		c := Case{Start: Default(), Code: []byte(code)}
		c.Start.G[RAX], c.Start.G[RCX] = uint64(rax), uint64(rcx)
		list, err := h.Run([]Case{c})
		if err == nil && list[0].Stop.Reason != Ended {
			err = fmt.Errorf("CPUID or XGETBV stopped by %v", list[0].Stop)
		}
		if err == nil {
			for i := range r {
				r[i] = uint32(list[0].G[i])
			}
		}
		return r, err
	}
	const cpuid, xgetbv = "\x0f\xa2", "\x0f\x01\xd0"
	leaves := map[[2]uint32][4]uint32{}
	for _, b := range featureBits {
		key := [2]uint32{b.leaf, b.subleaf}
		if _, ok := leaves[key]; ok {
			continue
		}
		last, err := ask(cpuid, b.leaf&(1<<31), 0)
		if err != nil {
			return err
		}
		leaves[key] = [4]uint32{}
		if last[RAX] >= b.leaf {
			if leaves[key], err = ask(cpuid, b.leaf, b.subleaf); err != nil {
				return err
			}
		}
	}
	var enabled uint32
	if leaves[[2]uint32{1, 0}][RCX]>>27&1 != 0 {
		r, err := ask(xgetbv, 0, 0)
		if err != nil {
			return err
		}
		enabled = r[RAX]
	}
	h.features = Features{}
	for name, b := range featureBits {
		if leaves[[2]uint32{b.leaf, b.subleaf}][b.reg]>>b.bit&1 != 0 && enabled&uint32(b.state) == uint32(b.state) {
			h.features[name] = true
		}
	}
	// The instructions are there, but the kernel has not enabled them.
	if auxv(unixAtHWCAP2)&2 == 0 {
		delete(h.features, "fsgsbase")
	}
	if h.flags&flagYMM != 0 {
		if r, err := ask(cpuid, 13, 2); err != nil || r[RAX] != ymmSize || r[RBX] != xsaveYMM {
			return fmt.Errorf("XSAVE has %d bytes of AVX state at %d (%v)", r[RAX], r[RBX], err)
		}
	}
	return nil
}

// Run executes cases, each from its own start state and independent of the
// others. Results are in the same order. A case that is not valid is an error,
// before any is run.
func (h *Host) Run(cases []Case) ([]Result, error) {
	for i := range cases {
		if err := cases[i].Validate(); err != nil {
			return nil, fmt.Errorf("case %d: %w", i, err)
		}
		if n := recordSize(&cases[i]); n > inRoom {
			return nil, fmt.Errorf("case %d: %d bytes", i, n)
		}
	}
	results := make([]Result, len(cases))
	err := h.do(func() error {
		for done, idle := 0, 0; done < len(cases); {
			if h.batch == nil {
				c, err := startBatch(h.flags, h.opt.Bound)
				if err != nil {
					return err
				}
				h.batch = c
			}
			n, alive := h.batch.run(cases[done:], results[done:])
			if !alive {
				h.batch.kill()
				h.batch = nil
			}
			done += n
			if n > 0 {
				idle = 0
			} else if idle++; idle == 3 {
				return errors.New("the process that executes sequences dies before it begins one")
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// patience is how long a batch may be without progress, whatever the load of
// the machine.
const patience = 10 * time.Second

// run executes as many cases as fit, and says how many have got results and
// whether the process is still alive.
func (c *child) run(cases []Case, results []Result) (n int, alive bool) {
	in := c.share[shareIn:shareIn:shareOut]
	for n < len(cases) && len(in)+recordSize(&cases[n]) <= inRoom {
		in = putRecord(in, &cases[n])
		n++
	}
	const largest = recOutSize + memLines*(8+LineSize)
	c.set(ctlIn, shareBase+shareIn)
	c.set(ctlOut, shareBase+shareOut)
	c.set(ctlOutEnd, shareBase+shareSize-largest)
	c.set(ctlLeft, uint64(n))
	c.set(ctlDone, 0)
	alive = c.wake() == nil
	n = min(n, int(c.word(ctlDone)))
	out := c.share[shareOut:]
	for i := range n {
		out = getRecord(out, &cases[i], &results[i])
	}
	if !alive && c.word(ctlRunning) != 0 {
		results[n] = Result{Stop: Stop{Reason: Died}}
		n++
	}
	return n, alive
}

// wake lets the handler go on and waits until it is idle again.
func (c *child) wake() error {
	if _, err := c.goOn.Write([]byte{0}); err != nil {
		return err
	}
	return c.await()
}

func (c *child) await() error {
	seq, since := c.word(ctlSeq), time.Now()
	for {
		c.done.SetReadDeadline(time.Now().Add(patience / 4))
		_, err := c.done.Read(make([]byte, 1))
		if !errors.Is(err, errDeadline) {
			return err
		}
		if now := c.word(ctlSeq); now != seq {
			seq, since = now, time.Now()
		} else if time.Since(since) > patience {
			return err
		}
	}
}
