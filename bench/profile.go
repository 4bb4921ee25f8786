package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/c2w/c2w/bench/programs"
	"github.com/c2w/c2w/bench/works"
)

// profile is where one program's time goes under wasmtime, by samples of
// Linux's perf over the whole run.
type profile struct {
	What    string   `json:"what"`
	Samples int      `json:"samples"`
	Groups  []share  `json:"groups"`
	Top     []share  `json:"functions"` // the most frequent ones
	Counts  counts   `json:"counts,omitempty"`
	symbols *symbols // of the file
}

// share is a part of the samples.
type share struct {
	Name    string `json:"name"`
	Samples int    `json:"samples"`
}

// profileTop is how many functions a profile lists.
const profileTop = 25

// profileRate is how often perf looks, in samples a second: not a divisor of
// anything that has a period of its own.
const profileRate = 997

// runnable is a program or work of one file.
type runnable struct {
	what, file string
	args       []string
}

// runnables are the programs and works with the files that hold them.
func (l *lab) runnables(ctx context.Context, rep *report, ps []programs.Program, ws []works.Work) (list []runnable) {
	for _, p := range ps {
		list = append(list, runnable{p.Name, l.file, []string{"/c2wbench", "-scale", strconv.Itoa(l.o.scale), p.Name}})
	}
	for _, w := range ws {
		file, err := l.realFile(ctx, rep, w)
		if err != nil {
			rep.fault(l, "%s: %v", w.Name, err)
			continue
		}
		list = append(list, runnable{w.Name, file, works.Command(w.Name, works.Run, l.o.scale)})
	}
	return list
}

// profile samples each program and work that -only names.
func (rep *report) profile(ctx context.Context, l *lab, ps []programs.Program, ws []works.Work) {
	if !l.o.has(partProfile) || l.fileErr != nil {
		return
	}
	h, err := l.host(ctx, "wasmtime")
	if err != nil {
		rep.fault(l, "profiles are taken under wasmtime: %v", err)
		return
	}
	perf, err := find("", "perf")
	if err != nil {
		l.logf("perf is missing, there are counts only")
	}
	for _, r := range l.runnables(ctx, rep, ps, ws) {
		l.logf("profile: %s", r.what)
		p := profile{What: r.what}
		if p.Counts, err = l.count(ctx, h, r); err != nil {
			rep.fault(l, "counting %s: %v", r.what, err)
		}
		if perf != "" {
			if err := p.sample(ctx, l, h, perf, r); err != nil {
				rep.fault(l, "profiling %s: %v", r.what, err)
			}
		}
		rep.Profiles = append(rep.Profiles, p)
	}
}

// sample runs the program under perf. wasmtime tells perf its functions in
// /tmp/perf-PID.map.
func (p *profile) sample(ctx context.Context, l *lab, h *host, perf string, r runnable) error {
	var err error
	if p.symbols, err = readSymbols(ctx, r.file); err != nil {
		return err
	}
	profiled := func(ctx context.Context) *exec.Cmd {
		cmd := h.command(ctx, cached, r.file, nil, r.args)
		cmd.Args = slices.Insert(cmd.Args, 2, "--profile=perfmap")
		return cmd
	}
	// Compiled for profiling is compiled once more: not in the profile.
	if _, err := observeFor(ctx, l, profiled); err != nil {
		return err
	}
	data := filepath.Join(l.dir, "perf.data")
	if _, err := observeFor(ctx, l, func(ctx context.Context) *exec.Cmd {
		cmd := profiled(ctx)
		return exec.CommandContext(ctx, perf, append([]string{"record", "-q", "-F", strconv.Itoa(profileRate), "-o", data, "--"}, cmd.Args...)...)
	}); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, perf, "script", "-F", "pid,ip,sym", "-i", data).Output()
	if err != nil {
		return fmt.Errorf("perf script: %w", err)
	}
	pids := p.read(string(out))
	for pid := range pids {
		os.Remove(fmt.Sprintf("/tmp/perf-%d.map", pid))
	}
	return nil
}

var wasmSymbol = regexp.MustCompile(`^wasm\[\d+\]::function\[(\d+)\]`)

// read adds up `perf script -F pid,ip,sym`, a line for each sample, and returns
// the processes.
func (p *profile) read(script string) map[int]bool {
	pids := map[int]bool{}
	groups, tops := map[string]int{}, map[string]int{}
	for line := range strings.Lines(script) {
		pid, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(pid)
		if err != nil {
			continue
		}
		pids[n] = true
		_, symbol, _ := strings.Cut(strings.TrimSpace(rest), " ")
		group, name := groupHost, symbol
		if m := wasmSymbol.FindStringSubmatch(symbol); m != nil {
			if i, err := strconv.ParseUint(m[1], 10, 32); err == nil {
				group, name = p.symbols.lookup(uint32(i))
			}
		}
		p.Samples++
		groups[group]++
		tops[name]++
	}
	p.Groups, p.Top = ranked(groups), ranked(tops)
	p.Top = p.Top[:min(len(p.Top), profileTop)]
	return pids
}

// ranked lists a map, the largest first.
func ranked(m map[string]int) (list []share) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, share{name, m[name]})
	}
	slices.SortStableFunc(list, func(a, b share) int { return cmp.Compare(b.Samples, a.Samples) })
	return list
}

func (rep *report) profileText(out io.Writer) {
	for i := range rep.Profiles {
		p := &rep.Profiles[i]
		fmt.Fprintf(out, "\nWhere the time of %s goes, wasmtime, from process start to end\n", p.What)
		p.Counts.text(out)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, list := range [][]share{p.Groups, p.Top} {
			for _, s := range list {
				fmt.Fprintf(w, "  %4.1f %%\t%s\n", 100*float64(s.Samples)/float64(p.Samples), s.Name)
			}
			fmt.Fprintln(w)
		}
		w.Flush()
	}
}
