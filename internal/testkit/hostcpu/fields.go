package hostcpu

import (
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// value is what a register holds, least significant word first.
type value [4]uint64

// field is a register of a state, by the name it has in text.
type field struct {
	name string
	bits int
	get  func(*State) value
	set  func(*State, value)
}

var gprNames = [16]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

// fields are all registers, in the order in which they are printed.
var fields = func() (list []field) {
	word := func(name string, at func(*State) *uint64) {
		list = append(list, field{name, 64,
			func(s *State) value { return value{*at(s)} },
			func(s *State, v value) { *at(s) = v[0] }})
	}
	for i, n := range gprNames {
		word(n, func(s *State) *uint64 { return &s.G[i] })
	}
	word("rip", func(s *State) *uint64 { return &s.RIP })
	word("flags", func(s *State) *uint64 { return &s.Flags })
	word("fs", func(s *State) *uint64 { return &s.FSBase })
	word("gs", func(s *State) *uint64 { return &s.GSBase })
	list = append(list,
		field{"fcw", 16, func(s *State) value { return value{uint64(s.FCW)} }, func(s *State, v value) { s.FCW = uint16(v[0]) }},
		field{"fsw", 16, func(s *State) value { return value{uint64(s.FSW)} }, func(s *State, v value) { s.FSW = uint16(v[0]) }},
		field{"ftw", 8, func(s *State) value { return value{uint64(s.FTW)} }, func(s *State, v value) { s.FTW = uint8(v[0]) }})
	for i := range 8 {
		list = append(list, field{fmt.Sprint("st", i), 80,
			func(s *State) value { return value{s.ST[i].Mantissa, uint64(s.ST[i].SignExp)} },
			func(s *State, v value) { s.ST[i] = X87{v[0], uint16(v[1])} }})
	}
	list = append(list,
		field{"mxcsr", 32, func(s *State) value { return value{uint64(s.MXCSR)} }, func(s *State, v value) { s.MXCSR = uint32(v[0]) }})
	for i := range 16 {
		list = append(list, field{fmt.Sprint("y", i), 256,
			func(s *State) value { return s.YMM[i] },
			func(s *State, v value) { s.YMM[i] = v }})
	}
	return list
}()

// String is the value in hexadecimal.
func (v value) String() string {
	for i := 3; i > 0; i-- {
		if v[i] != 0 {
			s := strconv.FormatUint(v[i], 16)
			for i--; i >= 0; i-- {
				s += fmt.Sprintf("%016x", v[i])
			}
			return s
		}
	}
	return strconv.FormatUint(v[0], 16)
}

func parseValue(text string, size int) (v value, err error) {
	digits := text
	for i := 0; digits != ""; i++ {
		n := max(0, len(digits)-16)
		if i == len(v) {
			return v, fmt.Errorf("%s is too long", text)
		}
		if v[i], err = strconv.ParseUint(digits[n:], 16, 64); err != nil {
			return v, err
		}
		digits = digits[:n]
	}
	if text == "" || v.len() > size {
		return v, fmt.Errorf("%q does not fit %d bits", text, size)
	}
	return v, nil
}

func (v value) len() int {
	for i := 3; i >= 0; i-- {
		if v[i] != 0 {
			return 64*i + bits.Len64(v[i])
		}
	}
	return 0
}

// Changes lists what a state has that another has not, in a fixed order:
// "rax=1f flags=246 st0=3fff8000000000000000 m10020ffe=00ff". Numbers are
// hexadecimal; m is followed by an address and the bytes there.
func Changes(from, to *State) string {
	var list []string
	for _, f := range fields {
		if v := f.get(to); v != f.get(from) {
			list = append(list, f.name+"="+v.String())
		}
	}
	for _, r := range memoryChanges(from, to) {
		list = append(list, fmt.Sprintf("m%x=%x", r.addr, r.data))
	}
	return strings.Join(list, " ")
}

// run are bytes in a row.
type run struct {
	addr uint64
	data []byte
}

// memoryChanges are the runs of bytes that differ, with what they become.
func memoryChanges(from, to *State) (list []run) {
	for _, at := range lines(from, to) {
		old, now := from.Read(at, LineSize), to.Read(at, LineSize)
		for i, b := range now {
			if b == old[i] {
				continue
			}
			addr := at + uint64(i)
			if n := len(list); n > 0 && list[n-1].addr+uint64(len(list[n-1].data)) == addr {
				list[n-1].data = append(list[n-1].data, b)
			} else {
				list = append(list, run{addr, []byte{b}})
			}
		}
	}
	return list
}

// lines are the addresses of the lines that one of the states has.
func lines(states ...*State) (list []uint64) {
	for _, s := range states {
		for i := range s.Mem {
			list = append(list, s.Mem[i].Addr)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Apply makes changes, as Changes lists them.
func (s *State) Apply(changes string) error {
next:
	for _, change := range strings.Fields(changes) {
		name, text, _ := strings.Cut(change, "=")
		for _, f := range fields {
			if f.name != name {
				continue
			}
			v, err := parseValue(text, f.bits)
			if err != nil {
				return fmt.Errorf("%s: %w", change, err)
			}
			f.set(s, v)
			continue next
		}
		where, ok := strings.CutPrefix(name, "m")
		addr, err := strconv.ParseUint(where, 16, 64)
		if !ok || err != nil {
			return fmt.Errorf("%s: there is no %q", change, name)
		}
		data, err := hex.DecodeString(text)
		if err != nil {
			return fmt.Errorf("%s: %w", change, err)
		}
		if !InMemory(addr, len(data)) {
			return fmt.Errorf("%s: not memory", change)
		}
		s.Write(addr, data)
	}
	return nil
}
