package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/c2w/c2w/bench/programs"
	"github.com/c2w/c2w/bench/works"
)

// coverage is how much of a run its file's page functions executed; the file
// was trained with other data.
type coverage struct {
	What   string `json:"what"`
	Engine string `json:"engine"`
	Counts counts `json:"counts"`
}

// Share is the share of instructions in translated code, in percent; 0 is not
// known.
func (c *coverage) Share() float64 {
	return 100 * ratio(float64(c.Counts[countTranslated]), float64(c.Counts[countInstructions]))
}

// counts are what the machine counted in a run, as "GROUP NAME".
type counts map[string]uint64

// The counts that are looked for by name (internal/machine).
const (
	countInstructions = "instructions all"
	countTranslated   = "instructions pages"
	countInterpreted  = "instructions interpreter"
	countPageCalls    = "calls pages"
	countInterpCalls  = "calls interpreter"
	groupExits        = "exits "
	groupTime         = "time_ns "
	countTime         = "time_ns all"
)

// statsLine begins the line that the machine prints at its end with C2W_STATS=json.
const statsLine = "c2w: stats: "

var errNoStats = errors.New("the machine printed no statistics")

func readCounts(stderr string) (counts, error) {
	for line := range strings.Lines(stderr) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), statsLine)
		if !ok {
			continue
		}
		var v map[string]any
		d := json.NewDecoder(strings.NewReader(rest))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("reading the machine's statistics: %w", err)
		}
		c := counts{}
		c.flatten("", v)
		if c[countInstructions] == 0 {
			return nil, errNoStats
		}
		return c, nil
	}
	return nil, errNoStats
}

// flatten takes over whole numbers, those of inner objects as "OBJECT NAME".
func (c counts) flatten(prefix string, v map[string]any) {
	for name, v := range v {
		switch v := v.(type) {
		case map[string]any:
			c.flatten(prefix+name+" ", v)
		case json.Number:
			if n, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
				c[prefix+name] = n
			}
		}
	}
}

// text tells the counts for each 1000 instructions and the time by part, the
// largest first.
func (c counts) text(out io.Writer) {
	n := float64(c[countInstructions])
	if n == 0 {
		return
	}
	fmt.Fprintf(out, "  %.1f million instructions, %.1f %% of them translated, %.1f %% interpreted; a call of a page function executes %.0f, of the interpreter %.0f\n",
		n/1e6, 100*float64(c[countTranslated])/n, 100*float64(c[countInterpreted])/n,
		ratio(float64(c[countTranslated]), float64(c[countPageCalls])), ratio(float64(c[countInterpreted]), float64(c[countInterpCalls])))
	var exits, rest, times []string
	for _, name := range c.ranked() {
		v := float64(c[name])
		each := fmt.Sprintf("%s %.3f", name, 1000*v/n)
		switch {
		case name == countTime || strings.HasPrefix(name, "instructions ") || strings.HasPrefix(name, "go_ns "):
		case strings.HasPrefix(name, groupTime):
			times = append(times, fmt.Sprintf("%s %.1f %%", name[len(groupTime):], 100*ratio(v, float64(c[countTime]))))
		case 1000*v/n < 0.0005:
		case strings.HasPrefix(name, groupExits):
			exits = append(exits, each[len(groupExits):])
		default:
			rest = append(rest, each)
		}
	}
	fmt.Fprintf(out, "  exits for each 1000 instructions: %s\n", strings.Join(exits, ", "))
	fmt.Fprintf(out, "  and: %s\n", strings.Join(rest, ", "))
	if len(times) > 0 {
		fmt.Fprintf(out, "  time by the machine's clock, %.0f ms, clock reads included: %s\n", float64(c[countTime])/1e6, strings.Join(times, ", "))
	}
}

// ranked lists the names, the largest count first.
func (c counts) ranked() []string {
	return slices.SortedFunc(maps.Keys(c), func(a, b string) int {
		return cmp.Or(cmp.Compare(c[b], c[a]), strings.Compare(a, b))
	})
}

// exits adds up those of generated code.
func (c counts) exits() (sum uint64) {
	for name, n := range c {
		if strings.HasPrefix(name, groupExits) {
			sum += n
		}
	}
	return sum
}

// count runs a program under an engine and returns the machine's counts.
func (l *lab) count(ctx context.Context, h *host, r runnable) (counts, error) {
	as := hows[h.name][len(hows[h.name])-1]
	if err := h.prepare(ctx, as, r.file); err != nil {
		return nil, err
	}
	s, err := observeFor(ctx, l, func(ctx context.Context) *exec.Cmd {
		return h.command(ctx, as, r.file, []string{"C2W_STATS=json"}, r.args)
	})
	if err != nil {
		return nil, err
	}
	return readCounts(s.err)
}

// cover counts each program and work once. The counts are nearly the same on
// every engine, so one is enough: the first that is here.
func (rep *report) cover(ctx context.Context, l *lab, ps []programs.Program, ws []works.Work) {
	if !l.o.has(partCover) {
		return
	}
	if l.fileErr != nil {
		rep.fault(l, "no files to count in: %v", l.fileErr)
		return
	}
	var h *host
	for _, name := range wasmHosts {
		if h == nil && l.o.wants(name) {
			var err error
			if h, err = l.host(ctx, name); err != nil {
				h = nil
				l.logf("%s is missing: %v", name, err)
			}
		}
	}
	if h == nil {
		rep.fault(l, "no engine to count with")
		return
	}
	for _, r := range l.runnables(ctx, rep, ps, ws) {
		l.logf("counting %s", r.what)
		c, err := l.count(ctx, h, r)
		if err != nil {
			rep.fault(l, "counting %s: %v", r.what, err)
			continue
		}
		rep.Cover = append(rep.Cover, coverage{r.what, h.name, c})
	}
}

func (rep *report) coverText(out io.Writer) {
	if len(rep.Cover) == 0 {
		return
	}
	fmt.Fprintf(out, "\nInstructions, boot included, and the share that code translated after training with other data executed, counted under %s\n", rep.Cover[0].Engine)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "program\tmillions\ttranslated\ta call\tinterpreted\ta call\texits per 1000\tmiss\tlookup\tsingle\t\n")
	for _, c := range rep.Cover {
		n := float64(c.Counts[countInstructions])
		each := func(v uint64) string { return fmt.Sprintf("%.3f", 1000*ratio(float64(v), n)) }
		per := func(insns, calls string) string {
			return fmt.Sprintf("%.0f", ratio(float64(c.Counts[insns]), float64(c.Counts[calls])))
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.1f %%\t%s\t%.1f %%\t%s\t%s\t%s\t%s\t%s\t\n", c.What, n/1e6,
			c.Share(), per(countTranslated, countPageCalls),
			100*ratio(float64(c.Counts[countInterpreted]), n), per(countInterpreted, countInterpCalls),
			each(c.Counts.exits()), each(c.Counts["exits miss"]), each(c.Counts["exits lookup"]), each(c.Counts["exits single"]))
	}
	w.Flush()
}
