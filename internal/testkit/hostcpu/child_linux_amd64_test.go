package hostcpu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

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

// cpuTime is what this process and a host's children have used.
func cpuTime(b *testing.B, h *Host) time.Duration {
	var self unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &self); err != nil {
		b.Fatal(err)
	}
	sum := time.Duration(self.Utime.Nano() + self.Stime.Nano())
	for _, c := range []*child{h.batch, h.traced} {
		if c == nil {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", c.pid))
		var ns int64
		if err == nil {
			_, err = fmt.Sscan(string(text), &ns)
		}
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

// benchmark reports cases per second, and per second of CPU time of both
// processes together, which says more on a machine that does other things, too.
func benchmark(b *testing.B, n int, run func(h *Host, cases []Case) error) {
	h := newHost(b, Options{})
	cases := make([]Case, n)
	for i := range cases {
		cases[i] = Case{Start: Default(), Code: []byte("\x48\x01\xd8")}
		cases[i].Start.G[RBX] = uint64(i)
	}
	if err := run(h, cases[:1]); err != nil {
		b.Skip(err)
	}
	before := cpuTime(b, h)
	for b.Loop() {
		if err := run(h, cases); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "cases/s")
	b.ReportMetric(float64(n*b.N)/(cpuTime(b, h)-before).Seconds(), "cases/cpu-s")
}

func BenchmarkBatch(b *testing.B) {
	benchmark(b, 4096, func(h *Host, cases []Case) error {
		_, err := h.Run(cases)
		return err
	})
}

func BenchmarkTraced(b *testing.B) {
	benchmark(b, 64, func(h *Host, cases []Case) error {
		for i := range cases {
			if _, err := h.RunTraced(&cases[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func BenchmarkStep(b *testing.B) {
	benchmark(b, 64, func(h *Host, cases []Case) error {
		for i := range cases {
			if _, err := h.Step(&cases[i], 10); err != nil {
				return err
			}
		}
		return nil
	})
}
