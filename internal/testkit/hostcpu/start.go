package hostcpu

import (
	"encoding/binary"
	"math/bits"

	"github.com/c2w/c2w/internal/testkit/isatest"
)

// Start is the state that a number stands for; 0 is Default's. Registers and
// vectors hold edge cases of integers and floating-point numbers, mixed with
// random ones. RSI, RDI and RBX point into the data pages, where numbers lie
// around the page boundary and at the begin of the read-only page, RSP and RBP
// into the stack. Exceptions are masked. What a number stands for is part of
// the vectors' format.
func Start(seed uint64) State {
	s := Default()
	if seed == 0 {
		return s
	}
	r := isatest.Random(seed)
	for i := range s.G {
		s.G[i] = r.Integer()
	}
	s.G[RSP] = StackBase + StackSize/2
	s.G[RBP] = StackBase + StackSize/2 + 64 + uint64(r.N(64))
	s.G[RBX] = DataBase + PageSize - 64 + uint64(r.N(16))*8
	s.G[RSI] = DataBase + PageSize - 64 + uint64(r.N(128))
	s.G[RDI] = DataBase + PageSize - 64 + uint64(r.N(128))
	s.Flags |= r.Next() & Arithmetic
	s.FCW = uint16(0x37f | r.N(4)<<10)
	if r.N(4) == 0 { // less than full precision
		s.FCW &^= uint16(1+r.N(3)) << 8
	}
	s.FSW = uint16(r.N(8)<<11) | uint16(r.Next())&0x4700
	s.FTW = uint8(r.Next())
	for i := range s.ST {
		s.ST[i] = extended(&r)
	}
	s.MXCSR |= uint32(r.N(4) << 13)
	if r.N(4) == 0 { // flush to zero, denormals are zeros
		s.MXCSR |= [...]uint32{1 << 15, 1 << 6, 1<<15 | 1<<6}[r.N(3)]
	}
	for i := range s.YMM {
		kind := r.N(4)
		for j := range s.YMM[i] {
			s.YMM[i][j] = lane(&r, kind)
		}
	}
	fill := func(addr uint64, n int) {
		p := make([]byte, 0, n)
		for len(p) < n {
			p = binary.LittleEndian.AppendUint64(p, lane(&r, r.N(4)))
		}
		s.Write(addr, p)
	}
	fill(DataBase+PageSize-128, 256)
	fill(ReadOnlyBase, 64)
	fill(StackBase+StackSize/2, 128)
	return s
}

// lane is 64 bits of one kind: integers, two binary32, a binary64, or small
// integers in bytes.
func lane(r *isatest.Random, kind int) uint64 {
	switch kind {
	case 0:
		return r.Integer()
	case 1:
		return uint64(r.Single()) | uint64(r.Single())<<32
	case 2:
		return r.Double()
	}
	few := r.Next() // bits
	return few & r.Next() & 0x8103_ff7f_8103_ff7f
}

// mantissas and exponents of 80-bit numbers, which make numbers of every class,
// those among them that the 8087 alone knew.
var (
	mantissas = [...]uint64{0, 1, 1 << 62, 1<<62 - 1, 1<<63 - 1, 1 << 63, 1<<63 | 1, 3 << 62, 3<<62 | 1, ^uint64(0),
		1<<63 | 1<<10, 1<<63 | 1<<11, 1<<63 | 3<<10, 0xffff_ffff_ffff_f800, 0xffff_ff00_0000_0000}
	exponents = [...]uint16{0, 1, 2, 0x3fff - 1074, 0x3fff - 1022, 0x3fff - 127, 0x3ffe, 0x3fff, 0x4000, 0x3fff + 31,
		0x3fff + 52, 0x3fff + 63, 0x3fff + 64, 0x3fff + 127, 0x3fff + 1023, 0x3fff + 1024, 0x7ffe, 0x7fff}
)

func extended(r *isatest.Random) (x X87) {
	sign := uint16(r.N(2)) << 15
	switch r.N(4) {
	case 0:
		return X87{mantissas[r.N(len(mantissas))], sign | exponents[r.N(len(exponents))]}
	case 1: // an integer
		n := r.Next() >> r.N(64)
		if n == 0 {
			return X87{0, sign}
		}
		shift := bits.LeadingZeros64(n)
		return X87{n << shift, sign | uint16(0x3fff+63-shift)}
	case 2: // of a magnitude near 1
		return X87{1<<63 | r.Next(), sign | uint16(0x3fff-32+r.N(64))}
	}
	return X87{1<<63 | r.Next(), sign | uint16(r.N(0x8000))}
}
