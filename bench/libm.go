package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/c2w/c2w/bench/programs"
)

// libmRow is one function of a C library, or the n-body of ordinary C.
type libmRow struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	// Exits are those for single instructions, for each call; more than what the
	// boot has, which differs by some thousand from run to run.
	Exits float64              `json:"exits_per_call"`
	Times map[string][]float64 `json:"ms"` // by engine
}

func (r *libmRow) multiple(engine string) float64 {
	return ratio(median(r.Times[engine]), median(r.Times["native"]))
}

// libmArgs are the arguments of a run of all functions, with their counts times
// percent.
func libmArgs(percent int) (args []string) {
	for _, f := range programs.LibmFunctions {
		args = append(args, f.Name, strconv.Itoa(max(1, f.Count*percent/100)))
	}
	return args
}

// libm measures floating point as a C library has it.
func (rep *report) libm(ctx context.Context, l *lab) {
	if !l.o.has(partLibm) {
		return
	}
	if err := rep.libmRun(ctx, l); err != nil {
		rep.fault(l, "libm: %v", err)
	}
}

func (rep *report) libmRun(ctx context.Context, l *lab) error {
	if l.fileErr != nil {
		return l.fileErr
	}
	cross, err := find("", "riscv64-linux-gnu-gcc")
	if err != nil {
		return err
	}
	cc, err := find("", "cc", "gcc", "clang")
	if err != nil {
		return err
	}
	native, guest, image := filepath.Join(l.dir, "libm.native"), filepath.Join(l.dir, "libm"), filepath.Join(l.dir, "libm-image")
	if err := programs.BuildLibm(cc, native); err != nil {
		return err
	}
	if err := programs.BuildLibm(cross, guest); err != nil {
		return err
	}
	if err := l.writeImageWith(image, guest); err != nil {
		return err
	}
	file := filepath.Join(l.dir, "libm.wasm")
	train := "/libm " + strings.Join(libmArgs(1), " ")
	if _, err := l.convertOne(ctx, "libm image", "oci:"+image, file, l.aotFlags(train)...); err != nil {
		return err
	}
	for _, f := range programs.LibmFunctions {
		rep.Libm = append(rep.Libm, &libmRow{Name: f.Name, Count: f.Count * l.o.scale / 100, Times: map[string][]float64{}})
	}
	runs := []struct {
		name    string
		command func(context.Context) *exec.Cmd
	}{{"native", func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, native, libmArgs(l.o.scale)...)
	}}}
	var counter *host
	for _, name := range wasmHosts {
		if !l.o.wants(name) {
			continue
		}
		h, err := l.host(ctx, name)
		if err != nil {
			l.logf("%s is missing: %v", name, err)
			continue
		}
		as := hows[name][len(hows[name])-1]
		if err := h.prepare(ctx, as, file); err != nil {
			return err
		}
		if counter == nil {
			counter = h
		}
		runs = append(runs, struct {
			name    string
			command func(context.Context) *exec.Cmd
		}{name, func(ctx context.Context) *exec.Cmd {
			return h.command(ctx, as, file, nil, append([]string{"/libm"}, libmArgs(l.o.scale)...))
		}})
	}
	for round := range l.o.rounds {
		for _, r := range runs {
			l.logf("round %d of %d: libm, %s", round+1, l.o.rounds, r.name)
			s, err := observeFor(ctx, l, r.command)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			rep.libmResults(l, r.name, programs.ParseLibm(s.out))
		}
	}
	if counter == nil {
		return nil
	}
	single := func(args ...string) (float64, error) {
		c, err := l.count(ctx, counter, runnable{what: "libm", file: file, args: append([]string{"/libm"}, args...)})
		return float64(c["exits single"]), err
	}
	boot, err := single()
	if err != nil {
		return err
	}
	for _, r := range rep.Libm {
		l.logf("counting %s", r.Name)
		count := 5 * r.Count
		n, err := single(r.Name, strconv.Itoa(count))
		if err != nil {
			return err
		}
		r.Exits = max(0, n-boot) / float64(count)
	}
	return nil
}

// libmResults takes over one run. All engines must give the answers of the first.
func (rep *report) libmResults(l *lab, engine string, results []programs.Result) {
	for i, r := range rep.Libm {
		if i >= len(results) || results[i].Name != r.Name {
			rep.fault(l, "libm, %s: no result of %s", engine, r.Name)
			return
		}
		if len(rep.libmSums) <= i {
			rep.libmSums = append(rep.libmSums, results[i].Checksum)
		}
		if got, want := results[i].Checksum, rep.libmSums[i]; got != want {
			rep.fault(l, "libm, %s: %s gave %x, want %x", engine, r.Name, got, want)
		}
		r.Times[engine] = append(r.Times[engine], ms(results[i].Time))
	}
}

func (rep *report) libmText(out io.Writer) {
	if len(rep.Libm) == 0 {
		return
	}
	fmt.Fprintf(out, "\nA C library's floating point (static, gcc -O2): ns a call natively, multiples of that, exits for single instructions a call\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "function\tnative\t%s\texits\t\n", strings.Join(wasmHosts, "\t"))
	for _, r := range rep.Libm {
		fmt.Fprintf(w, "%s\t%.1f\t", r.Name, 1e6*median(r.Times["native"])/float64(r.Count))
		for _, e := range wasmHosts {
			fmt.Fprintf(w, "%s\t", times(median(r.Times[e]), median(r.Times["native"])))
		}
		fmt.Fprintf(w, "%.2f\t\n", r.Exits)
	}
	w.Flush()
}

// libmTargets are of the n-body on the engines that compile well, and of exits.
func (rep *report) libmTargets() (ts []target) {
	most := 0.0
	for _, r := range rep.Libm {
		if most = max(most, r.Exits); r.Name != programs.LibmNBody {
			continue
		}
		for _, e := range []string{"wasmtime", "node"} {
			ts = append(ts, judge("n-body of ordinary C, "+e, "%.1f× native", 6, r.multiple(e)))
		}
	}
	return append(ts, judge("exits for single instructions, most in a call of a C library", "%.2f", 0.01, max(most, 0.0001)))
}
