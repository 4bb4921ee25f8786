package main

import (
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
	Counts counts `json:"counts"`
}

// Share is the share of instructions in translated code, in percent; 0 is not
// known.
func (c *coverage) Share() float64 {
	return 100 * ratio(float64(c.Counts[countTranslated]), float64(c.Counts[countInstructions]))
}

// counts are what the machine counted in a run, by the names that it gives them.
type counts map[string]uint64

// The counts that are looked for by name.
const (
	countInstructions = "instructions"
	countTranslated   = "translated"
)

// statsLine begins the line that the machine prints at its end when C2W_TRACE is
// set: an object of JSON, or "NAME NUMBER, NAME NUMBER".
const statsLine = "c2w: stats: "

var errNoStats = errors.New("the machine printed no statistics")

func readCounts(stderr string) (counts, error) {
	for line := range strings.Lines(stderr) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), statsLine)
		if !ok {
			continue
		}
		c := counts{}
		if strings.HasPrefix(rest, "{") {
			var v map[string]any
			d := json.NewDecoder(strings.NewReader(rest))
			d.UseNumber()
			if err := d.Decode(&v); err != nil {
				return nil, fmt.Errorf("reading the machine's statistics: %w", err)
			}
			c.flatten("", v)
			return c, nil
		}
		for _, pair := range strings.Split(rest, ", ") {
			at := strings.LastIndexByte(pair, ' ')
			n, err := strconv.ParseUint(pair[at+1:], 10, 64)
			if at < 1 || err != nil {
				return nil, fmt.Errorf("the machine's statistics say %q", pair)
			}
			c[pair[:at]] = n
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

// text tells the counts for each 1000 instructions, the most frequent first.
func (c counts) text(out io.Writer) {
	n := c[countInstructions]
	if n == 0 {
		return
	}
	fmt.Fprintf(out, "  %.1f million instructions", float64(n)/1e6)
	if t, ok := c[countTranslated]; ok {
		fmt.Fprintf(out, ", %.1f %% of them translated", 100*float64(t)/float64(n))
	}
	fmt.Fprintf(out, "; for each 1000 of them:")
	names := slices.SortedFunc(maps.Keys(c), func(a, b string) int {
		if c[a] != c[b] {
			return int(min(c[b], 1<<62)) - int(min(c[a], 1<<62))
		}
		return strings.Compare(a, b)
	})
	sep := " "
	for _, name := range names {
		if each := 1000 * float64(c[name]) / float64(n); name != countInstructions && name != countTranslated && each >= 0.001 {
			fmt.Fprintf(out, "%s%s %.3f", sep, name, each)
			sep = ", "
		}
	}
	fmt.Fprintln(out)
}

// count runs a program under an engine and returns the machine's counts.
func (l *lab) count(ctx context.Context, h *host, r runnable) (counts, error) {
	as := hows[h.name][len(hows[h.name])-1]
	if err := h.prepare(ctx, as, r.file); err != nil {
		return nil, err
	}
	s, err := observeFor(ctx, l, func(ctx context.Context) *exec.Cmd {
		return h.command(ctx, as, r.file, []string{"C2W_TRACE=1"}, r.args)
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
			h, _ = l.host(ctx, name)
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
		rep.Cover = append(rep.Cover, coverage{r.what, c})
	}
}

func (rep *report) coverText(out io.Writer) {
	if len(rep.Cover) == 0 {
		return
	}
	fmt.Fprintf(out, "\nInstructions, boot included, and the share that code translated after training with other data executed\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "program\tmillions\ttranslated\texits per 1000\tmisses\tlookups\tsingle\t\n")
	for _, c := range rep.Cover {
		n := float64(c.Counts[countInstructions])
		var exits uint64
		for name, v := range c.Counts {
			if strings.HasPrefix(name, "exit ") || strings.HasPrefix(name, "exits ") {
				exits += v
			}
		}
		each := func(v uint64) string { return fmt.Sprintf("%.3f", 1000*ratio(float64(v), n)) }
		of := func(reason string) string { return each(c.Counts["exit "+reason] + c.Counts["exits "+reason]) }
		translated := "–"
		if s := c.Share(); s > 0 {
			translated = fmt.Sprintf("%.1f %%", s)
		}
		fmt.Fprintf(w, "%s\t%.1f\t%s\t%s\t%s\t%s\t%s\t\n", c.What, n/1e6, translated, each(exits), of("miss"), of("lookup"), of("single"))
	}
	w.Flush()
}
