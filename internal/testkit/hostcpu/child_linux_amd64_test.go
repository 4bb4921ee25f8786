package hostcpu

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// escape is a sequence that jumps into the program and ends the process.
func escape() Case {
	_, labels := program()
	c := Case{Start: Default(), Code: []byte("\x48\xb8")} // mov rax, imm64; jmp rax
	c.Code = binary.LittleEndian.AppendUint64(c.Code, address(labels, "exit"))
	c.Code = append(c.Code, 0xff, 0xe0)
	return c
}

// A process that dies in a sequence is started again, as is one that dies
// between them, and only that sequence has no result.
func TestDeathAndRestart(t *testing.T) {
	h := newHost(t, Options{})
	add := Case{Start: Default(), Code: []byte("\x48\xff\xc3")}
	results, err := h.Run([]Case{add, escape(), add, add, escape(), escape(), add})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		want := Ended
		if i == 1 || i == 4 || i == 5 {
			want = Died
		}
		if r.Stop.Reason != want || want == Ended && r.G[RBX] != 1 {
			t.Errorf("case %d: %v", i, r.Stop)
		}
	}
	unix.Kill(h.batch.pid, unix.SIGKILL)
	if results, err = h.Run([]Case{add}); err != nil || results[0].Stop.Reason != Ended {
		t.Errorf("%v", err)
	}
	died := escape()
	for _, w := range ways[1:] {
		for range 2 {
			r, err := w.run(h, &died)
			if errors.Is(err, ErrNotHere) {
				t.Skip(err)
			}
			if err != nil || r.Stop.Reason != Died {
				t.Errorf("%s: %v, %v", w.name, r.Stop, err)
			}
			if r, err = w.run(h, &add); err != nil || r.Stop.Reason != Ended || r.G[RBX] != 1 {
				t.Errorf("%s, afterwards: %v, %v", w.name, r.Stop, err)
			}
		}
		unix.Kill(h.traced.pid, unix.SIGKILL)
		if r, err := w.run(h, &add); err != nil || r.Stop.Reason != Ended {
			t.Errorf("%s, killed between sequences: %v, %v", w.name, r.Stop, err)
		}
	}
}

func TestProgramFitsItsPage(t *testing.T) {
	code, _ := program()
	if n := len(elf(code)); n > PageSize {
		t.Errorf("%d bytes", n)
	} else {
		t.Logf("%d bytes", n)
	}
}
