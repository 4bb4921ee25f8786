package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// text writes the report for people.
func (rep *report) text(out io.Writer) {
	fmt.Fprintf(out, "%s, %d × %s, %s/%s\n\n", rep.Date, rep.Host.CPUs, rep.Host.CPU, rep.Host.OS, rep.Host.Arch)
	for _, e := range rep.Engines {
		e.text(out)
	}
	rep.programText(out)
	rep.processText(out)
	rep.Real.text(out)
	rep.libmText(out)
	rep.coverText(out)
	rep.Budget.text(out)
	rep.conversionText(out)
	rep.startText(out)
	rep.trafficText(out)
	rep.profileText(out)
	rep.Targets = rep.targets()
	if len(rep.Targets) > 0 {
		fmt.Fprintf(out, "\nTargets\n")
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, t := range rep.Targets {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", t.What, t.Limit, t.Measured, t.Verdict)
		}
		w.Flush()
	}
	fmt.Fprintf(out, "\nThis run took %.1f minutes.\n", rep.Took/60)
	for _, f := range rep.Faults {
		fmt.Fprintf(out, "FAULT: %s\n", f)
	}
}

// text is a line about an engine: its version, or why it is not here.
func (e *engineInfo) text(out io.Writer) {
	switch {
	case e.Missing != "":
		fmt.Fprintf(out, "%-12s MISSING: %s\n", e.Name, e.Missing)
	case e.Version != "" && !strings.HasSuffix(e.Name, interpEngine("")):
		fmt.Fprintf(out, "%-12s %s\n", e.Name, e.Version)
	}
}

func (rep *report) programText(out io.Writer) {
	if len(rep.Processes) == 0 {
		return
	}
	fmt.Fprintf(out, "\nPrograms: median ms and the multiple of native; -O2 without autovectorisation everywhere; interp: without translated code, once\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	cells := []string{"program"}
	for _, e := range rep.Engines {
		cells = append(cells, e.Name)
	}
	fmt.Fprintf(w, "%s\tTinyEMU (quoted)\t\n", strings.Join(cells, "\t"))
	for i := range rep.Programs {
		p := &rep.Programs[i]
		cells := []string{p.Name}
		for _, e := range rep.Engines {
			cells = append(cells, p.cell(e))
		}
		quoted := "–"
		if q := tinyEMU[p.Name]; q > 0 {
			quoted = fmt.Sprintf("%.0f×", q)
		}
		fmt.Fprintf(w, "%s\t%s\t\n", strings.Join(cells, "\t"), quoted)
	}
	cells = []string{"integer programs"}
	for _, e := range rep.Engines {
		cells = append(cells, times(rep.sum(e.Name), rep.sum("native")))
	}
	fmt.Fprintf(w, "%s\t–\t\n", strings.Join(cells, "\t"))
	w.Flush()
	rep.absoluteText(out)
}

// Work of c2wbench at a scale of 100 %, which the absolute figures divide by.
const (
	getppidCalls  = 200_000
	forkexecTimes = 100
)

// each is the median time of one of n pieces of a program, in milliseconds; 0 is
// not known.
func (rep *report) each(program, engine string, n int) float64 {
	for i := range rep.Programs {
		if p := &rep.Programs[i]; p.Name == program {
			return p.time(engine) / float64(max(1, n*rep.Scale/100))
		}
	}
	return 0
}

// absoluteText tells what one system call and one process take.
func (rep *report) absoluteText(out io.Writer) {
	for _, row := range []struct {
		program, unit string
		n             int
		scale         float64
	}{{"getppid", "µs", getppidCalls, 1000}, {"forkexec", "ms", forkexecTimes, 1}} {
		var cells []string
		for _, e := range rep.Engines {
			if t := rep.each(row.program, e.Name, row.n); t > 0 {
				cells = append(cells, fmt.Sprintf("%s %.2f", e.Name, t*row.scale))
			}
		}
		if len(cells) > 0 {
			fmt.Fprintf(out, "one %s, %s: %s\n", row.program, row.unit, strings.Join(cells, ", "))
		}
	}
}

func (p *program) cell(e engineInfo) string {
	switch {
	case e.Missing != "":
		return "missing"
	case p.Runs[e.Name] == nil:
		return "–"
	case p.Runs[e.Name].Cannot != "":
		return "cannot"
	}
	return times(p.time(e.Name), p.time("native"))
}

// times is "MILLISECONDS MULTIPLE×"; a time of 0 is one that is not known.
func times(t, native float64) string {
	switch {
	case t == 0:
		return "–"
	case native == 0:
		return fmt.Sprintf("%.1f", t)
	}
	return fmt.Sprintf("%.1f %.1f×", t, t/native)
}

func (rep *report) processText(out io.Writer) {
	peak := map[string]int64{}
	for _, p := range rep.Processes {
		peak[p.Engine] = max(peak[p.Engine], p.MaxRSS)
	}
	var cells []string
	for _, e := range rep.Engines {
		if peak[e.Name] > 0 {
			cells = append(cells, fmt.Sprintf("%s %s", e.Name, mb(peak[e.Name])))
		}
	}
	if len(cells) > 0 {
		fmt.Fprintf(out, "peak memory (a figure near this harness's own, some 20 MB, may be smaller): %s\n", strings.Join(cells, ", "))
	}
}

func mb(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func (rep *report) conversionText(out io.Writer) {
	for _, c := range rep.Conversions {
		fmt.Fprintf(out, "\nConversion of the %s: median %.2f s (first %.2f s), peak %s, file %s\n",
			c.What, median(c.Times)/1000, c.Times[0]/1000, mb(c.MaxRSS), mb(c.Bytes))
		var cells []string
		for _, p := range c.Parts {
			if p.Bytes >= 100_000 {
				cells = append(cells, p.Name+" "+mb(p.Bytes))
			}
		}
		fmt.Fprintf(out, "  sections: %s\n", strings.Join(cells, ", "))
		for line := range strings.Lines(c.Said) {
			stage, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			if c.inFull() || stage == "train" || stage == "translate" {
				fmt.Fprintf(out, "  | %s\n", strings.TrimRight(line, "\n"))
			}
		}
	}
}

// inFull says that the converter's own words are told: those of many files are
// much the same.
func (c *conversion) inFull() bool { return c.What == benchImageName || c.What == debianImage }

func (rep *report) startText(out io.Writer) {
	if len(rep.Starts) == 0 {
		return
	}
	fmt.Fprintf(out, "\nStart of `busybox echo hello`: median ms from process start\n")
	var stages []string
	for _, s := range rep.Starts {
		for name := range maps.Keys(s.Stages) {
			if !slices.Contains(stages, name) {
				stages = append(stages, name)
			}
		}
	}
	// In the order in which they come.
	slices.SortFunc(stages, func(a, b string) int {
		for _, s := range rep.Starts {
			if x, y := median(s.Stages[a]), median(s.Stages[b]); x != y {
				return cmp.Compare(x, y)
			}
		}
		return strings.Compare(a, b)
	})
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\t%s\tfirst output\texit\tpeak memory\t\n", strings.Join(append([]string{"engine"}, stages...), "\t"))
	for _, s := range rep.Starts {
		cells := []string{s.Engine + " " + string(s.How)}
		for _, name := range stages {
			cells = append(cells, orDash(s.Stages[name]))
		}
		fmt.Fprintf(w, "\t%s\t%s\t%s\t%s\t\n", strings.Join(cells, "\t"), orDash(s.FirstOutput), orDash(s.Exit), mb(s.MaxRSS))
	}
	w.Flush()
	if rep.Compile > 0 {
		fmt.Fprintf(out, "wasmtime compile: %.2f s\n", rep.Compile/1000)
	}
}

func orDash(v []float64) string {
	if len(v) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", median(v))
}
