package riscv64

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// words makes n words of every encoding, with random operands.
func words(rng *rand.Rand, n int) []uint32 {
	var list []uint32
	for _, e := range Encodings() {
		for range n {
			w := e.Match | rng.Uint32()&^e.Mask
			if e.Size == 2 {
				w &= 0xffff
			}
			if find(w).name == e.Name {
				list = append(list, w)
			}
		}
	}
	return list
}

func appendWord(code []byte, w uint32) []byte {
	if w&3 == 3 {
		return binary.LittleEndian.AppendUint32(code, w)
	}
	return binary.LittleEndian.AppendUint16(code, uint16(w))
}

// TestDisasmAgainstObjdump compares with binutils, an independent reading of
// the manual.
func TestDisasmAgainstObjdump(t *testing.T) {
	list := words(rand.New(rand.NewPCG(1, 2)), 30)
	dir := t.TempDir()
	var asm strings.Builder
	asm.WriteString(".attribute arch, \"rv64gc_zba_zbb_zbs\"\n")
	for _, w := range list {
		fmt.Fprintf(&asm, ".insn %#x\n", w)
	}
	run := func(name string, args ...string) string {
		path, err := exec.LookPath("riscv64-linux-gnu-" + name)
		if err != nil {
			t.Skip("no riscv64-linux-gnu-" + name)
		}
		cmd := exec.Command(path, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(asm.String())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	run("as", "-o", "code.o")
	line := regexp.MustCompile(`(?m)^ *[0-9a-f]+:\t([0-9a-f]+) +\t([^#\n]*)`)
	symbol := regexp.MustCompile(` <[^>]*>`)
	got := line.FindAllStringSubmatch(run("objdump", "-d", "-M", "no-aliases", "code.o"), -1)
	if len(got) != len(list) {
		t.Fatalf("objdump printed %d instructions of %d", len(got), len(list))
	}
	pc, bad := uint64(0), map[string]bool{}
	for i, w := range list {
		name := find(w).name
		ours := Guest.Disasm(binary.LittleEndian.AppendUint32(nil, w), pc)
		if k := find(w).kind; k == kB || k == kJ || k == kCJ || k == kCBZ {
			ours = strings.Replace(ours, "0x", "", 1) // addresses
		}
		theirs := strings.Join(strings.Fields(symbol.ReplaceAllString(got[i][2], "")), " ")
		if ours != theirs && !bad[name] && !differs(name, w) {
			bad[name] = true
			t.Errorf("%08x at %#x: got %q, objdump %q", w, pc, ours, theirs)
		}
		if pc += 4; w&3 != 3 {
			pc -= 2
		}
	}
}

// differs says where binutils prints something else on purpose: reserved
// rounding modes, modes of exact conversions, operands of fences that hardware
// ignores, system registers that this machine does not have.
func differs(name string, w uint32) bool {
	switch name {
	case "pause", "fence", "fence.i":
		return true
	case "fcvt.d.s", "fcvt.d.w", "fcvt.d.wu":
		return rm(w) != 0
	case "c.nop", "c.slli": // hints
		return w>>2&0x1f == 0 || rd(w) == 0
	case "csrrw", "csrrs", "csrrc", "csrrwi", "csrrsi", "csrrci":
		return strings.HasPrefix(csrName(w>>20), "0x")
	}
	return w&3 == 3 && find(w).kind.rounds() && (rm(w) == 5 || rm(w) == 6)
}
