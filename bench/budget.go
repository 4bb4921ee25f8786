package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/c2w/c2w/bench/works"
	"github.com/c2w/c2w/internal/convert"
)

// budgets is what files of one image cost and gain as their budget for
// translated code grows.
type budgets struct {
	Engines []engineInfo `json:"engines"`
	Works   []budgetWork `json:"works"`
	Files   []budgetFile `json:"files"`
	// Best is the budget with the least total time, in MiB, over all engines
	// and works; -1 if nothing could be measured.
	Best int `json:"best_mib"`
	// Default is c2w's own budget, in MiB.
	Default int `json:"default_mib"`
}

// budgetWork is a work at the size at which one engine takes two seconds for it,
// with the file of the default budget.
type budgetWork struct {
	Engine  string `json:"engine"`
	Work    string `json:"work"`
	Percent int    `json:"percent"`
}

// budgetFile is the file with one budget. Times are from process start to end.
type budgetFile struct {
	MiB    int                  `json:"mib"` // 0: without page functions
	Bytes  int64                `json:"bytes"`
	Starts map[string][]float64 `json:"true_ms"` // "ENGINE HOW"
	Runs   map[string][]float64 `json:"run_ms"`  // "ENGINE WORK"
	Inside map[string][]float64 `json:"work_ms"` // the work alone, by the guest's clock

	file string
}

// twoSeconds is how long the work of a run takes with the default budget: what
// somebody waits for without thinking. With a size that takes the interpreter
// two seconds it would be a start with hardly any work.
const twoSeconds = 2000.0

// budgetWorks are those whose runs are timed: one long loop, and many short
// processes. Both are in the same image, and both are trained for.
var budgetWorks = []string{"python", "script"}

// budgetList reads -budgets.
func (o *options) budgetList() (list []int, err error) {
	for _, s := range split(o.budgets) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > 1024 {
			return nil, fmt.Errorf("-budgets %s: budgets are 0 to 1024 MiB", o.budgets)
		}
		list = append(list, n)
	}
	return list, nil
}

// budget converts the Debian image once for each budget, trained once, and
// measures starts and runs.
func (rep *report) budget(ctx context.Context, l *lab) {
	list, _ := l.o.budgetList() // checked by parse
	if !l.o.has(partBudget) || len(list) == 0 {
		return
	}
	if l.fileErr != nil {
		rep.fault(l, "no files of several budgets: %v", l.fileErr)
		return
	}
	b := &budgets{Best: -1, Default: convert.DefaultBudget >> 20}
	rep.Budget = b
	if err := b.make(ctx, l, rep, list); err != nil {
		rep.fault(l, "%v", err)
		return
	}
	var hosts []*host
	for _, name := range wasmHosts {
		if !l.o.wants(name) {
			continue
		}
		info := engineInfo{Name: name}
		h, err := l.host(ctx, name)
		if err == nil {
			info.Version = h.version
			// Another part may have run the same bytes: then nothing is cold.
			h, err = h.apart("budgets")
		}
		if err != nil {
			info.Missing = err.Error()
			l.logf("%s is missing: %v", name, err)
		} else {
			hosts = append(hosts, h)
		}
		b.Engines = append(b.Engines, info)
	}
	for _, h := range hosts {
		b.coldStarts(ctx, l, rep, h)
	}
	for _, h := range hosts {
		b.calibrate(ctx, l, rep, h)
	}
	rounds := (l.o.rounds + 1) / 2 // what differs here differs by more than noise
	for round := range rounds {
		for _, h := range hosts {
			l.logf("budgets, round %d of %d: %s", round+1, rounds, h.name)
			for i := range b.Files {
				b.round(ctx, l, rep, h, &b.Files[i])
			}
		}
	}
	b.Best = b.best()
}

// make converts. The first conversion keeps the profile, the others use it.
func (b *budgets) make(ctx context.Context, l *lab, rep *report, list []int) error {
	dir, err := l.debianLayout(ctx, "debian")
	if err != nil {
		return err
	}
	profile := filepath.Join(l.dir, "budget.profile")
	var train []string
	for _, w := range budgetWorks {
		train = append(train, "--train", strings.Join(works.Command(w, works.Train, trainPercent), " "))
	}
	for _, n := range list {
		f := budgetFile{MiB: n, Starts: map[string][]float64{}, Runs: map[string][]float64{}, Inside: map[string][]float64{},
			file: filepath.Join(l.dir, fmt.Sprintf("budget-%d.wasm", n))}
		flags := interpOnly
		if n > 0 {
			flags = append([]string{"--profile", profile, "--aot-budget", fmt.Sprintf("%dm", n)}, train...)
			train = nil
		}
		l.logf("converting with a budget of %d MiB", n)
		c, err := l.convertOne(ctx, fmt.Sprintf("Debian image, %d MiB of translated code", n), "oci:"+dir, f.file, flags...)
		if err != nil {
			return err
		}
		rep.Conversions = append(rep.Conversions, c)
		f.Bytes = c.Bytes
		b.Files = append(b.Files, f)
	}
	return nil
}

// coldStarts starts each file once with nothing compiled, which fills the
// engine's cache for what follows.
func (b *budgets) coldStarts(ctx context.Context, l *lab, rep *report, h *host) {
	for i := range b.Files {
		f := &b.Files[i]
		l.logf("budgets: first start of %d MiB, %s", f.MiB, h.name)
		as := hows[h.name][len(hows[h.name])-1]
		f.time(ctx, l, rep, h, as, "true", f.Starts, h.name+" "+string(cold), []string{"/bin/true"})
		h.ready[start{as, f.file}] = true
	}
}

// calibrate finds the size of each work that takes two seconds with the default
// budget, or with the largest if that is not among them.
func (b *budgets) calibrate(ctx context.Context, l *lab, rep *report, h *host) {
	as := hows[h.name][len(hows[h.name])-1]
	f := &b.Files[len(b.Files)-1]
	if i := slices.IndexFunc(b.Files, func(f budgetFile) bool { return f.MiB == b.Default }); i >= 0 {
		f = &b.Files[i]
	}
	for _, w := range budgetWorks {
		percent := 25
		for range 2 { // the first guess is far off
			s, err := observeFor(ctx, l, func(ctx context.Context) *exec.Cmd {
				return h.command(ctx, as, f.file, nil, works.Command(w, works.Run, percent))
			})
			rs := works.Parse(s.out)
			if err != nil || len(rs) == 0 || rs[0].Time <= 0 {
				rep.fault(l, "budgets, %s %s: %v %q", h.name, w, err, s.out)
				return
			}
			percent = max(1, min(10_000, int(math.Round(float64(percent)*twoSeconds/ms(rs[0].Time)))))
		}
		b.Works = append(b.Works, budgetWork{h.name, w, percent})
	}
}

func (b *budgets) round(ctx context.Context, l *lab, rep *report, h *host, f *budgetFile) {
	last := hows[h.name][len(hows[h.name])-1]
	for _, as := range hows[h.name] {
		if as == cold && as != last { // was the first start
			continue
		}
		if err := h.prepare(ctx, as, f.file); err != nil {
			rep.fault(l, "%v", err)
			continue
		}
		f.time(ctx, l, rep, h, as, "true", f.Starts, h.name+" "+string(as), []string{"/bin/true"})
	}
	for _, w := range b.Works {
		if w.Engine == h.name {
			f.time(ctx, l, rep, h, last, w.Work, f.Runs, h.name+" "+w.Work, works.Command(w.Work, works.Run, w.Percent))
		}
	}
}

// time runs a command once and adds its time to those under key.
func (f *budgetFile) time(ctx context.Context, l *lab, rep *report, h *host, as how, what string, to map[string][]float64, key string, args []string) {
	s, err := observeFor(ctx, l, func(ctx context.Context) *exec.Cmd { return h.command(ctx, as, f.file, nil, args) })
	if err != nil {
		rep.fault(l, "budget of %d MiB, %s, %s: %v", f.MiB, h.name, what, err)
		return
	}
	to[key] = append(to[key], ms(s.wall))
	for _, r := range works.Parse(s.out) {
		f.Inside[key] = append(f.Inside[key], ms(r.Time))
	}
}

// observeFor is observe with the limit of one process.
func observeFor(ctx context.Context, l *lab, command func(ctx context.Context) *exec.Cmd) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, l.o.timeout)
	defer cancel()
	s, err := observe(command(ctx))
	if ctx.Err() != nil {
		err = fmt.Errorf("stopped after %v", s.wall.Round(time.Second))
	}
	return s, err
}

// best is the budget whose runs take the least time, as the mean over engines
// and works of their logarithms: no engine counts more than another because it
// is slower.
func (b *budgets) best() int {
	best, least := -1, math.Inf(1)
	for i := range b.Files {
		if m := b.Files[i].mean(b.Works); m > 0 && m < least {
			best, least = b.Files[i].MiB, m
		}
	}
	return best
}

// mean is the geometric mean of the runs' times, in milliseconds; 0 for a file
// that lacks one of them, which cannot be the best.
func (f *budgetFile) mean(ws []budgetWork) float64 {
	var sum float64
	for _, w := range ws {
		m := median(f.Runs[w.Engine+" "+w.Work])
		if m == 0 {
			return 0
		}
		sum += math.Log(m)
	}
	if len(ws) == 0 {
		return 0
	}
	return math.Exp(sum / float64(len(ws)))
}

func (b *budgets) text(out io.Writer) {
	if b == nil || len(b.Files) == 0 {
		return
	}
	fmt.Fprintf(out, "\nThe budget for translated code, Debian with python: size, and ms from process start to end of `true`\n")
	for i := range b.Engines {
		b.Engines[i].text(out)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	var starts []string
	for _, name := range wasmHosts {
		for _, as := range []how{cold, cached, precompiled} {
			if len(b.Files[0].Starts[name+" "+string(as)]) > 0 {
				starts = append(starts, name+" "+string(as))
			}
		}
	}
	fmt.Fprintf(w, "%s\t\n", strings.Join(append([]string{"MiB", "file"}, starts...), "\t"))
	for _, f := range b.Files {
		cells := []string{strconv.Itoa(f.MiB), mb(f.Bytes)}
		for _, key := range starts {
			cells = append(cells, orDash(f.Starts[key]))
		}
		fmt.Fprintf(w, "%s\t\n", strings.Join(cells, "\t"))
	}
	w.Flush()
	if len(b.Works) == 0 {
		return
	}
	fmt.Fprintf(out, "\nTotal ms of a run of two seconds, from process start to end, and in brackets the work alone\n")
	for _, w := range b.Works {
		fmt.Fprintf(out, "  %s on %s, %s: at %d %% it takes two seconds with the default budget\n",
			w.Work, w.Engine, hows[w.Engine][len(hows[w.Engine])-1], w.Percent)
	}
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	cells := []string{"MiB"}
	for _, x := range b.Works {
		cells = append(cells, x.Engine+" "+x.Work)
	}
	fmt.Fprintf(w, "%s\tgeometric mean\t\n", strings.Join(cells, "\t"))
	for i := range b.Files {
		f := &b.Files[i]
		cells := []string{strconv.Itoa(f.MiB)}
		for _, x := range b.Works {
			key := x.Engine + " " + x.Work
			cell := orDash(f.Runs[key])
			if in := median(f.Inside[key]); in > 0 {
				cell += fmt.Sprintf(" (%.0f)", in)
			}
			cells = append(cells, cell)
		}
		mean := "–"
		if m := f.mean(b.Works); m > 0 {
			mean = fmt.Sprintf("%.0f", m)
		}
		fmt.Fprintf(w, "%s\t%s\t\n", strings.Join(cells, "\t"), mean)
	}
	w.Flush()
	switch b.Best {
	case -1:
		fmt.Fprintln(out, "No budget has all of the figures.")
	case b.Default:
		fmt.Fprintf(out, "The least total time: %d MiB, which is c2w's default.\n", b.Best)
	default:
		fmt.Fprintf(out, "The least total time: %d MiB; c2w's default is %d MiB.\n", b.Best, b.Default)
	}
}
