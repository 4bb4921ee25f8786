// Package isatest runs short guest code sequences on anything that executes
// guest code and compares registers, memory and floating-point flags with what
// an independent implementation left behind: qemu's user mode emulation live,
// or its answers frozen in tests/isa.
//
// The package knows how a state and its start values look, not how code is
// executed: that is an Executor's business. It is for tests only.
package isatest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/c2w/c2w/internal/cpu/core"
)

// Guest virtual addresses and sizes in bytes. Code is entered at CodeBase and
// ends when the program counter is CodeBase + len(code). It accesses data
// nowhere but in the scratch memory.
const (
	CodeBase = 0x1001_0000
	CodeMax  = 512
	MemBase  = 0x1002_0000
	MemSize  = 1024

	// DataBase is what the global pointer holds: the oracle's own data, which
	// code neither writes through nor changes.
	DataBase = 0x1003_0000
)

// State is what code starts from and leaves.
type State struct {
	G    [32]uint64
	F    [32]uint64
	FCSR uint32 // rounding mode << 5 | flags
	Mem  [MemSize]byte
}

// Executor runs code on a state. An error means that the code could not be run
// to its end.
type Executor interface {
	Run(s *State, code []byte) error
}

// ToCore writes the registers into a hart's state, ready to run code in
// supervisor mode with floating point on.
func (s *State) ToCore(c *core.State) {
	*c = core.State{PC: CodeBase, Mode: 1, Resv: core.NoResv}
	copy(c.G[:], s.G[:])
	copy(c.F[:], s.F[:])
	c.FRM, c.FFlags = s.FCSR>>5, s.FCSR&31
	c.SetFP(true)
}

// FromCore is the inverse of ToCore.
func (s *State) FromCore(c *core.State) {
	copy(s.G[:], c.G[:])
	copy(s.F[:], c.F[:])
	s.FCSR = c.FRM<<5 | c.FFlags
}

// Random is a small generator whose sequence is part of the vector format.
type Random uint64

// Next is the next number of the sequence (splitmix64).
func (r *Random) Next() uint64 {
	*r += 0x9e37_79b9_7f4a_7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58_476d_1ce4_e5b9
	z = (z ^ z>>27) * 0x94d0_49bb_1331_11eb
	return z ^ z>>31
}

// N is a number below n.
func (r *Random) N(n int) int { return int(r.Next() >> 1 % uint64(n)) }

// Registers that hold addresses in scratch memory, with room for every offset
// that a generator uses.
const (
	RegStack   = 2 // 16-byte aligned
	RegData    = 3 // DataBase
	RegAligned = 8 // 8-byte aligned
	RegAny     = 9 // any alignment
)

// Start is the state that a seed stands for: edge cases of integers and
// floating-point numbers, mixed with random ones.
func Start(seed uint64) *State {
	r := Random(seed)
	s := &State{}
	for i := range s.G {
		s.G[i] = r.Integer()
	}
	s.G[0] = 0
	s.G[RegStack] = MemBase + 256
	s.G[RegData] = DataBase
	s.G[RegAligned] = MemBase + 384 + uint64(r.N(8))*8
	s.G[RegAny] = MemBase + 400 + uint64(r.N(16))
	for i := range s.F {
		s.F[i] = r.float()
	}
	s.FCSR = uint32(r.N(5) << 5)
	if r.N(2) == 0 {
		s.FCSR |= uint32(r.N(32))
	}
	for i := 0; i < MemSize; i += 8 {
		binary.LittleEndian.PutUint64(s.Mem[i:], r.Integer())
	}
	return s
}

var integers = [...]uint64{
	0, 1, 2, 31, 32, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
	1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63,
	0xffff_ffff_8000_0000, 0xffff_ffff_7fff_ffff, ^uint64(0), ^uint64(1),
}

// Integer is an edge case or a random number of a random width.
func (r *Random) Integer() uint64 {
	switch r.N(4) {
	case 0:
		return integers[r.N(len(integers))]
	case 1:
		return r.Next() >> r.N(64)
	case 2:
		return uint64(int64(r.Next()) >> r.N(64))
	}
	return r.Next()
}

var singles = [...]uint32{
	0, 1 << 31, 0x3f80_0000, 0xbf80_0000, 0x3f80_0001, 0x3fc0_0000, 0x7f80_0000, 0xff80_0000,
	0x7fc0_0000, 0x7f80_0001, 0xffc1_2345, 0xff81_0000, 1, 0x8000_0001, 0x007f_ffff, 0x0080_0000,
	0x7f7f_ffff, 0xff7f_ffff, 0x4b00_0000, 0x4b00_0001, 0x4f00_0000, 0xcf00_0000, 0x4f80_0000, 0x5f00_0000,
	0x5f80_0000, 0x3f00_0000, 0xbf00_0000, 0x4020_0000, 0x3eff_ffff,
}

var doubles = [...]uint64{
	0, 1 << 63, 0x3ff0_0000_0000_0000, 0xbff0_0000_0000_0000, 0x3ff0_0000_0000_0001, 0x3ff8_0000_0000_0000,
	0x7ff0_0000_0000_0000, 0xfff0_0000_0000_0000, 0x7ff8_0000_0000_0000, 0x7ff0_0000_0000_0001, 0xfff8_1234_5678_9abc,
	1, 0x8000_0000_0000_0001, 0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x7fef_ffff_ffff_ffff, 0xffef_ffff_ffff_ffff,
	0x4330_0000_0000_0000, 0x4330_0000_0000_0001, 0x41e0_0000_0000_0000, 0xc1e0_0000_0020_0000, 0x41f0_0000_0000_0000,
	0x43e0_0000_0000_0000, 0xc3e0_0000_0000_0000, 0x43f0_0000_0000_0000, 0x47ef_ffff_e000_0000, 0x47ef_ffff_f000_0000,
	0x3690_0000_0000_0000, 0x3810_0000_0000_0000, 0x380f_ffff_ffff_ffff, 0x3fe0_0000_0000_0000, 0x4004_0000_0000_0000,
}

// float is a register value: mostly a binary32 in its box or a binary64,
// sometimes a binary32 without its box.
func (r *Random) float() uint64 {
	const boxed = 0xffff_ffff << 32
	switch r.N(8) {
	case 0, 1:
		return boxed | uint64(singles[r.N(len(singles))])
	case 2: // of a magnitude near 1, where sums and products are inexact
		return boxed | r.Next()&0x807f_ffff | uint64(0x3f80_0000+r.N(64)<<23-32<<23)
	case 3, 4:
		return doubles[r.N(len(doubles))]
	case 5:
		return r.Next()&0x800f_ffff_ffff_ffff | uint64(0x3ff+r.N(128)-64)<<52
	case 6:
		return r.Next()
	}
	return boxed | r.Next()
}

// Single is a binary32: a special one, one of a magnitude near 1 or any.
func (r *Random) Single() uint32 {
	switch r.N(4) {
	case 0, 1:
		return singles[r.N(len(singles))]
	case 2:
		return uint32(r.Next())&0x807f_ffff | uint32(127-32+r.N(64))<<23
	}
	return uint32(r.Next())
}

// Double is a binary64 like Single's.
func (r *Random) Double() uint64 {
	switch r.N(4) {
	case 0, 1:
		return doubles[r.N(len(doubles))]
	case 2:
		return r.Next()&0x800f_ffff_ffff_ffff | uint64(0x3ff-64+r.N(128))<<52
	}
	return r.Next()
}

// Changes lists what differs from a start state, in a fixed order: "x5=1f
// f3=7ff8000000000000 fcsr=10 m40=00ff". Numbers are hexadecimal; m is
// followed by a decimal offset in scratch memory and the bytes there.
func Changes(from, to *State) string {
	var list []string
	for i := range to.G {
		if from.G[i] != to.G[i] {
			list = append(list, fmt.Sprintf("x%d=%x", i, to.G[i]))
		}
	}
	for i := range to.F {
		if from.F[i] != to.F[i] {
			list = append(list, fmt.Sprintf("f%d=%x", i, to.F[i]))
		}
	}
	if from.FCSR != to.FCSR {
		list = append(list, fmt.Sprintf("fcsr=%x", to.FCSR))
	}
	for i := 0; i < MemSize; i++ {
		n := 0
		for i+n < MemSize && from.Mem[i+n] != to.Mem[i+n] {
			n++
		}
		if n > 0 {
			list = append(list, fmt.Sprintf("m%d=%x", i, to.Mem[i:i+n]))
			i += n
		}
	}
	return strings.Join(list, " ")
}

// Vector is a code sequence with its start and its right result.
type Vector struct {
	Seed uint64
	Code []byte
	Want string // as Changes prints it
}

func (v Vector) String() string {
	return fmt.Sprintf("%d %x %s", v.Seed, v.Code, v.Want)
}

// ParseVectors reads vectors, one a line; lines that begin with # are comments.
func ParseVectors(text string) ([]Vector, error) {
	var list []Vector
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		seed, rest, _ := strings.Cut(line, " ")
		code, want, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseUint(seed, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("line %d: seed: %w", i+1, err)
		}
		b, err := hex.DecodeString(code)
		if err != nil {
			return nil, fmt.Errorf("line %d: code: %w", i+1, err)
		}
		if len(b) > CodeMax {
			return nil, fmt.Errorf("line %d: code of %d bytes exceeds %d", i+1, len(b), CodeMax)
		}
		list = append(list, Vector{n, b, want})
	}
	return list, nil
}

// Check runs a vector and describes how its result is wrong.
func (v Vector) Check(e Executor) error {
	s := Start(v.Seed)
	if err := e.Run(s, v.Code); err != nil {
		return err
	}
	if got := Changes(Start(v.Seed), s); got != v.Want {
		return fmt.Errorf("got  %s\nwant %s", got, v.Want)
	}
	return nil
}
