// Package hostcpu executes short x86 instruction sequences on the CPU that
// executes this program, from a given state, and says what state they leave or
// how they fault: the oracle of the x86_64 guest. What it says is frozen in
// tests/isa as vectors, for hosts of other architectures and hosts whose CPU
// lacks a feature.
//
// It runs linux/amd64 only; elsewhere New says why it does not. States,
// comparison, minimising and vectors are there on every platform. The package
// knows nothing of how c2w executes x86 instructions. It is for tests only.
//
// Open state.go first, then child_linux_amd64.go, the program that executes the
// sequences, and host_linux_amd64.go, which drives it.
package hostcpu

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// The address space of a sequence. Every page that is not named is inaccessible
// as far as it is a neighbour of one that is; everywhere else may be something
// or nothing, at addresses from 2^32 up. A sequence must keep to these pages, to
// their neighbours and to non-canonical addresses if its result is to be
// reproducible.
const (
	PageSize = 4096

	// Two pages that may be read and executed. Outside of the sequence they
	// hold INT3 (CC).
	CodeBase = 0x1001_0000
	CodeSize = 2 * PageSize

	// Two pages that may be read and written, then one that may only be read.
	DataBase     = 0x1002_0000
	DataSize     = 3 * PageSize
	ReadOnlyBase = DataBase + 2*PageSize

	// A page that may be read and written.
	StackBase = 0x1003_0000
	StackSize = PageSize

	// LineSize is the unit in which states hold memory, in bytes.
	LineSize = 64
)

// General registers by their encoding.
const (
	RAX = iota
	RCX
	RDX
	RBX
	RSP
	RBP
	RSI
	RDI
)

// Bits of the flags register.
const (
	CF = 1 << 0
	PF = 1 << 2
	AF = 1 << 4
	ZF = 1 << 6
	SF = 1 << 7
	TF = 1 << 8
	IF = 1 << 9
	DF = 1 << 10
	OF = 1 << 11
	NT = 1 << 14
	RF = 1 << 16
	AC = 1 << 18
	ID = 1 << 21

	// Arithmetic are the flags that arithmetic writes.
	Arithmetic = CF | PF | AF | ZF | SF | OF
	// settable are the flags that a state can start with; bit 1 and IF are set
	// in any.
	settable = Arithmetic | DF | TF | NT | RF | AC | ID
)

// State is all that a sequence in user mode starts from and leaves, but
// segment selectors and what XSAVE saves beyond AVX.
type State struct {
	G              [16]uint64 // by encoding: RAX, RCX, RDX, RBX, RSP, …
	RIP            uint64
	Flags          uint64
	FSBase, GSBase uint64

	FCW, FSW uint16
	// FTW has a bit for each physical register that is not empty, as in FXSAVE.
	FTW   uint8
	ST    [8]X87 // in the order of the stack: ST[0] is physical register TOP
	MXCSR uint32
	YMM   [16][4]uint64 // least significant first; X registers are the first two

	// Mem is memory, from DataBase and from StackBase, as the lines that are
	// not all zero, by rising address.
	Mem []Line
}

// X87 is an 80-bit register.
type X87 struct {
	Mantissa uint64 // with the integer bit
	SignExp  uint16
}

// Line is a piece of memory at a multiple of LineSize.
type Line struct {
	Addr uint64
	Data [LineSize]byte
}

// Default is the state that vectors describe by difference: registers zero,
// the stack pointer in the middle of the stack page, floating point as the
// processor initialises it, memory zero.
func Default() State {
	s := State{RIP: CodeBase, Flags: IF | 2, FCW: 0x37f, MXCSR: 0x1f80}
	s.G[RSP] = StackBase + StackSize/2
	return s
}

// Clone is a copy that shares nothing.
func (s *State) Clone() State {
	c := *s
	c.Mem = slices.Clone(s.Mem)
	return c
}

// InMemory says whether n bytes at an address are memory of a state.
func InMemory(addr uint64, n int) bool {
	in := func(base, size uint64) bool {
		return addr >= base && addr-base <= size && uint64(n) <= size-(addr-base)
	}
	return in(DataBase, DataSize) || in(StackBase, StackSize)
}

func (s *State) find(addr uint64) (int, bool) {
	return slices.BinarySearchFunc(s.Mem, addr, func(l Line, a uint64) int { return cmp.Compare(l.Addr, a) })
}

// Write sets bytes of memory, read-only or not. It panics where there is none.
func (s *State) Write(addr uint64, p []byte) {
	if !InMemory(addr, len(p)) {
		panic(fmt.Sprintf("BUG: %d bytes at %#x are not memory", len(p), addr))
	}
	for len(p) > 0 {
		at := addr &^ (LineSize - 1)
		i, ok := s.find(at)
		if !ok {
			s.Mem = slices.Insert(s.Mem, i, Line{Addr: at})
		}
		n := copy(s.Mem[i].Data[addr-at:], p)
		if s.Mem[i].Data == ([LineSize]byte{}) {
			s.Mem = slices.Delete(s.Mem, i, i+1)
		}
		addr, p = addr+uint64(n), p[n:]
	}
}

// Read is n bytes of memory. It panics where there is none.
func (s *State) Read(addr uint64, n int) []byte {
	if !InMemory(addr, n) {
		panic(fmt.Sprintf("BUG: %d bytes at %#x are not memory", n, addr))
	}
	p := make([]byte, 0, n)
	for len(p) < n {
		at := addr &^ (LineSize - 1)
		var line Line
		if i, ok := s.find(at); ok {
			line = s.Mem[i]
		}
		part := line.Data[addr-at:]
		part = part[:min(len(part), n-len(p))]
		p, addr = append(p, part...), addr+uint64(len(part))
	}
	return p
}

// Case is a sequence and what it starts from. Its code lies at Start.RIP and
// ends where control reaches the byte behind it.
type Case struct {
	Start State
	Code  []byte
	// Starts are the offsets at which instructions of Code begin, for
	// Minimise; it may be nil.
	Starts []int
	// Compat says that the code is 32-bit code (compatibility mode).
	Compat bool
}

// End is the address at which the sequence is done.
func (c *Case) End() uint64 { return c.Start.RIP + uint64(len(c.Code)) }

// Validate returns an error if a case is none that can be run as it is:
// code outside of the code pages, flags or control bits that user mode cannot
// set, segment bases outside of the lower half, memory that is no memory.
func (c *Case) Validate() error {
	s := &c.Start
	switch {
	case s.RIP < CodeBase || c.End() > CodeBase+CodeSize:
		return fmt.Errorf("%d bytes of code at %#x are not in the code pages", len(c.Code), s.RIP)
	case s.Flags&^settable != IF|2:
		return fmt.Errorf("flags %#x cannot be set", s.Flags)
	case s.FSBase>>46 != 0 || s.GSBase>>46 != 0:
		return fmt.Errorf("segment bases %#x and %#x are not user addresses", s.FSBase, s.GSBase)
	case s.MXCSR>>16 != 0:
		return fmt.Errorf("mxcsr %#x has reserved bits", s.MXCSR)
	}
	last := uint64(0)
	for _, l := range s.Mem {
		if l.Addr%LineSize != 0 || !InMemory(l.Addr, LineSize) || l.Addr <= last {
			return fmt.Errorf("line at %#x is not memory, or out of order", l.Addr)
		}
		last = l.Addr
	}
	return nil
}

// Reason is why a sequence stopped.
type Reason uint8

const (
	// Ended means that control reached the sequence's end.
	Ended Reason = iota
	// Stepped means that the instructions asked for have been executed.
	Stepped
	// Faulted means that an exception was raised; RIP is that of the
	// instruction, or behind it for INT3 and single-step traps.
	Faulted
	// Syscall means that a system call was attempted; RIP is behind it. Result
	// registers are the kernel's.
	Syscall
	// TimedOut means that the sequence was stopped after the host's bound.
	TimedOut
	// Died means that the executing process did not survive the sequence; there is no
	// state.
	Died
)

// Unknown is a Stop's Vector or Err that the host did not tell.
const Unknown = -1

// Stop is how a sequence stopped.
type Stop struct {
	Reason Reason

	// Of a fault: the exception's number, and its error code where it has one
	// (else 0). A page fault's is 1: the page was present, 2: write, 4: user,
	// 16: instruction fetch.
	Vector, Err int
	// Addr is what CR2 holds after a page fault, else 0.
	Addr uint64

	// What Linux made of it: signal, si_code and si_addr.
	Signal, Code int
	SigAddr      uint64
}

var vectors = [...]string{0: "#DE", 1: "#DB", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF",
	10: "#TS", 11: "#NP", 12: "#SS", 13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 19: "#XM"}

func (s Stop) String() string {
	switch s.Reason {
	case Ended:
		return "end"
	case Stepped:
		return "step"
	case Syscall:
		return "syscall"
	case TimedOut:
		return "timeout"
	case Died:
		return "died"
	}
	var b bytes.Buffer
	if s.Vector >= 0 && s.Vector < len(vectors) && vectors[s.Vector] != "" {
		b.WriteString(vectors[s.Vector])
	} else {
		fmt.Fprintf(&b, "signal=%d code=%d", s.Signal, s.Code)
	}
	if s.Err > 0 {
		fmt.Fprintf(&b, " err=%x", s.Err)
	}
	if s.Vector == 14 {
		fmt.Fprintf(&b, " addr=%x", s.Addr)
	}
	return b.String()
}

// Result is the state that a sequence left and how it stopped.
type Result struct {
	State
	Stop Stop
	// Steps is the number of instructions executed, where they were counted.
	Steps int
}
