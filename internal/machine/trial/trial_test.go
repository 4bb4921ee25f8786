package trial_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/machine/trial"
)

// demo returns the demo image, converted but for the machine.
func demo(t *testing.T) *convert.Parts {
	var parts *convert.Parts
	done := errors.New("done")
	_, err := convert.Convert(t.Context(), convert.Options{
		Ref: "demo:", Version: "test", AOT: convert.AOTNone, RAM: 64 << 20,
		Translate: func(_ context.Context, p *convert.Parts) (string, error) { parts = p; return "", done },
	})
	if !errors.Is(err, done) {
		t.Fatal(err)
	}
	return parts
}

// outcome is everything that a trial lets see.
type outcome struct {
	result   machine.Result
	retired  uint64
	stats    engine.Stats
	idle     int64
	out, err string
	pages    map[engine.Key]*engine.PageProfile
}

// TestSame runs a command twice, which does and sees the same: time, chance,
// input.
func TestSame(t *testing.T) {
	parts := demo(t)
	guest, err := parts.Guest()
	if err != nil {
		t.Fatal(err)
	}
	core, err := trial.NewCore(emit.NewCore(riscv64.Guest, native.Base, native.Caches), guest)
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close()
	run := func(b trial.Bound, args ...string) outcome {
		spec, err := parts.Manifest.Spec(machine.RunOptions{Args: args})
		if err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		prof := engine.NewProfile()
		tr, err := trial.New(trial.Config{Guest: guest, Core: core, Spec: spec, Profile: prof,
			Stdin: strings.NewReader("input\n"), Stdout: &out, Stderr: &errs})
		if err != nil {
			t.Fatal(err)
		}
		r, err := tr.Run(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if tr.Began == 0 || tr.Began >= tr.Retired() {
			t.Errorf("the container was ready after %d of %d instructions", tr.Began, tr.Retired())
		}
		return outcome{r, tr.Retired(), tr.Machine.Stats(), tr.Idle(), out.String(), errs.String(), prof.Pages}
	}

	script := "cat; date; sleep 3; cat /proc/uptime; head -c 16 /dev/urandom | od -An -tx1; ls -l /proc/self/fd >&2; exit 7"
	a := run(trial.Bound{}, "sh", "-c", script)
	if r := a.result; !r.Done || r.Status != 7 || r.Err != nil || !strings.HasPrefix(a.out, "input\n") || a.err == "" || len(a.pages) == 0 || a.idle < 2.9e9 {
		t.Fatalf("%+v, %q, %q, %d pages, idle for %d ns", r, a.out, a.err, len(a.pages), a.idle)
	}
	if b := run(trial.Bound{}, "sh", "-c", script); !reflect.DeepEqual(a, b) {
		a.pages, b.pages = nil, nil
		t.Errorf("it ran\n%+v, then\n%+v", a, b)
	}
	if b := run(trial.Bound{Insns: 20e6}, "sh", "-c", "while :; do :; done"); b.result.Done {
		t.Errorf("an endless command: %+v", b.result)
	}
	if b := run(trial.Bound{Idle: 5e9}, "sleep", "1000"); b.result.Done || b.idle > 60e9 {
		t.Errorf("one that sleeps: %+v, for %d ns", b.result, b.idle)
	}
}
