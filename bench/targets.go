package main

import (
	"fmt"

	"github.com/c2w/c2w/bench/programs"
	"github.com/c2w/c2w/bench/works"
)

// tinyEMU is what TinyEMU compiled to WebAssembly reached under wasmtime, as a
// multiple of native, on a 2-core Zen 5 machine: figures from the project's
// design brief, for programs of the same kind, not measured by this harness.
var tinyEMU = map[string]float64{
	"sieve": 52, "crc32": 17, "list": 6, "sha256": 76, "nbody": 84, "getppid": 11, "forkexec": 12,
}

// target is one promise of the project beside what this run found.
type target struct {
	What     string `json:"what"`
	Limit    string `json:"limit"`
	Measured string `json:"measured"`
	Verdict  string `json:"verdict"`
}

// Verdicts.
const (
	met         = "met"
	missed      = "MISSED"
	notMeasured = "not measured"
	noTarget    = "no target"
)

// tell is a figure that belongs beside the targets and has none itself.
func tell(what, format string, measured float64) target {
	t := target{what, "–", "–", notMeasured}
	if measured > 0 {
		t.Measured, t.Verdict = fmt.Sprintf(format, measured), noTarget
	}
	return t
}

func judge(what, format string, limit, measured float64) target {
	t := target{what, "≤ " + fmt.Sprintf(format, limit), "–", notMeasured}
	if measured > 0 {
		t.Measured = fmt.Sprintf(format, measured)
		t.Verdict = missed
		if measured <= limit {
			t.Verdict = met
		}
	}
	return t
}

// judgeLess is judge for a limit that itself is missed.
func judgeLess(what, format string, limit, measured float64) target {
	t := judge(what, format, limit, measured)
	t.Limit = "< " + fmt.Sprintf(format, limit)
	if measured == limit {
		t.Verdict = missed
	}
	return t
}

// judgeShare is judge for a share that has to be reached.
func judgeShare(what string, limit, measured float64) target {
	t := target{what, fmt.Sprintf("≥ %.0f %%", limit), "–", notMeasured}
	if measured > 0 {
		t.Measured = fmt.Sprintf("%.1f %%", measured)
		t.Verdict = missed
		if measured >= limit {
			t.Verdict = met
		}
	}
	return t
}

// ratio is 0, not known, without a native time.
func ratio(t, native float64) float64 {
	if native == 0 {
		return 0
	}
	return t / native
}

// targets compares the report with the project's promises: those of the parts
// that ran.
func (rep *report) targets() (ts []target) {
	if len(rep.Programs) > 0 {
		ts = append(ts, rep.programTargets()...)
	}
	if rep.Real != nil {
		ts = append(ts, rep.realTargets()...)
	}
	if len(rep.Libm) > 0 {
		ts = append(ts, rep.libmTargets()...)
	}
	for _, c := range rep.Cover {
		ts = append(ts, judgeShare(c.What+", "+c.Engine+", instructions in translated code", 95, c.Share()))
	}
	if len(rep.Starts) > 0 {
		var first, spoke float64
		for _, s := range rep.Starts {
			if s.Engine == "wasmtime" && s.How == cached {
				first, spoke = median(s.FirstOutput), median(s.Stages[initStage])
			}
		}
		ts = append(ts,
			judge("init's first line, wasmtime cached", "%.0f ms", 500, spoke),
			judge("first output, wasmtime cached", "%.0f ms", 1500, first))
	}
	for _, c := range rep.Conversions {
		if c.What == debianImage {
			ts = append(ts, judge("conversion of the Debian image", "%.1f s", 8, median(c.Times)/1000))
		}
	}
	return ts
}

// sumLimits are promised multiples of native for the sum of the integer
// programs.
var sumLimits = map[string]float64{"wasmtime": 3.5, "node": 3.5, "wazero": 5}

// programLimits are promised multiples of native, on every engine; 0 is none.
var programLimits = []struct {
	program string
	limit   float64
}{{"sha256", 5}, {"nbody", 6}, {"nbody-fma", 0}, {"shell", 12}}

func (rep *report) programTargets() (ts []target) {
	byName := map[string]*program{}
	for i := range rep.Programs {
		byName[rep.Programs[i].Name] = &rep.Programs[i]
	}
	multiple := func(name, engine string) float64 {
		if p := byName[name]; p != nil {
			return ratio(p.time(engine), p.time("native"))
		}
		return 0
	}
	whole := len(rep.Programs) == len(programs.All) // otherwise it is another sum
	sum := func(engine, of string) float64 {
		if !whole {
			return 0
		}
		return ratio(rep.sum(engine), rep.sum(of))
	}
	for _, e := range wasmHosts {
		ts = append(ts, judge("sum of integer programs, "+e, "%.2f× native", sumLimits[e], sum(e, "native")))
	}
	ts = append(ts, tell("sum of integer programs, qemu-system", "%.2f× native", sum("qemu-system", "native")))
	for _, e := range wasmHosts {
		ts = append(ts, judgeLess("sum of integer programs, "+e, "%.2f× qemu-system", 1, sum(e, "qemu-system")))
	}
	for _, l := range programLimits {
		for _, e := range wasmHosts {
			if l.limit == 0 {
				ts = append(ts, tell(l.program+", "+e, "%.1f× native", multiple(l.program, e)))
				continue
			}
			ts = append(ts, judge(l.program+", "+e, "%.1f× native", l.limit, multiple(l.program, e)))
		}
	}
	for _, e := range wasmHosts {
		ts = append(ts, judge("one getppid, "+e, "%.2f µs", 0.5, 1000*rep.each("getppid", e, getppidCalls)),
			judge("one fork and exec, "+e, "%.2f ms", 2, rep.each("forkexec", e, forkexecTimes)))
	}
	return ts
}

func (rep *report) realTargets() (ts []target) {
	for _, w := range works.All {
		for _, part := range w.Parts {
			if part.Limit == 0 {
				continue
			}
			for _, e := range wasmHosts { // what -only leaves out is not measured
				var m float64
				if p := rep.Real.part(part.Name); p != nil {
					m = ratio(p.time(e), p.time("native"))
				}
				ts = append(ts, judge(part.Name+", "+e, "%.1f× native", part.Limit, m))
			}
		}
	}
	return ts
}
