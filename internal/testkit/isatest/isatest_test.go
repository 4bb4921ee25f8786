package isatest

import (
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// off makes one kind of mistake after a right execution.
type off func(*State)

func (f off) Run(s *State, code []byte) error {
	err := (&Eval{ISA: riscv64.Guest}).Run(s, code)
	f(s)
	return err
}

func TestMistakesAreSeen(t *testing.T) {
	v := Vector{Seed: 1, Code: []byte("\x13\x05\x50\x00"), Want: "x10=5"} // addi a0,zero,5
	for name, c := range map[string]struct {
		mistake off
		seen    string
	}{
		"none":     {func(*State) {}, ""},
		"register": {func(s *State) { s.G[31]++ }, "x31="},
		"zero":     {func(s *State) { s.G[0] = 1 }, "x0=1"},
		"float":    {func(s *State) { s.F[0]++ }, "f0="},
		"flags":    {func(s *State) { s.FCSR ^= 1 }, "fcsr="},
		"memory":   {func(s *State) { s.Mem[7] ^= 0xff }, "m7="},
	} {
		err := v.Check(c.mistake)
		if (err != nil) != (c.seen != "") || err != nil && !strings.Contains(err.Error(), c.seen) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEvalErrors(t *testing.T) {
	for name, c := range map[string]struct{ code, want string }{
		"system call":    {"\x73\x00\x00\x00", "left to Go"},
		"endless loop":   {"\x01\xa0", "ran away"},                                   // c.j .
		"jump outside":   {"\x67\x00\x00\x00", "ran away"},                           // jr 0(zero)
		"load outside":   {"\x03\x25\x00\x00", "outside scratch"},                    // lw a0,0(zero)
		"cut short":      {"\x13\x05", "cut short"},                                  //
		"atomic outside": {"\xaf\xa5\x01\x00", "outside scratch"},                    // amoadd.w a1,zero,(gp)
		"store, wrapped": {"\x23\x3c\x00\xfe", "outside scratch"},                    // sd zero,-8(zero)
		"misaligned":     {"\x37\x05\x02\x10\x05\x05\x2f\x20\x05\x00", "left to Go"}, // a0 = 0x10020001; amoadd.w
	} {
		err := (&Eval{ISA: riscv64.Guest}).Run(Start(1), []byte(c.code))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestParseVectors(t *testing.T) {
	list, err := ParseVectors("# comment\n7 0100 x1=2 f3=4\n8 0100 \n")
	if err != nil || len(list) != 2 || list[0].String() != "7 0100 x1=2 f3=4" || list[1].Want != "" {
		t.Errorf("%v, %v", list, err)
	}
	for _, bad := range []string{"x 0100 ", "1 010 ", "1 zz ", "1 " + strings.Repeat("00", CodeMax+1)} {
		if _, err := ParseVectors(bad); err == nil || !strings.Contains(err.Error(), "line 1: ") {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}
