package main

import (
	"fmt"

	"github.com/c2w/c2w/bench/programs"
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

func judge(what, format string, limit, measured float64) target {
	t := target{what, "≤ " + fmt.Sprintf(format, limit), "–", "not measured"}
	if measured > 0 {
		t.Measured = fmt.Sprintf(format, measured)
		t.Verdict = "MISSED"
		if measured <= limit {
			t.Verdict = "met"
		}
	}
	return t
}

// targets compares the report with the project's promises.
func (rep *report) targets() []target {
	var ts []target
	ratio := func(t, native float64) float64 {
		if native == 0 {
			return 0
		}
		return t / native
	}
	for i := range rep.Programs {
		p := &rep.Programs[i]
		if limit := tinyEMU[p.Name]; limit > 0 {
			ts = append(ts, judge(p.Name+", wasmtime", "%.1f× native", limit, ratio(p.time("wasmtime"), p.time("native"))))
		}
	}
	if len(rep.Programs) == len(programs.All) { // otherwise it is another sum
		ts = append(ts, judge("sum of integer programs, wasmtime", "%.1f× native", 10, ratio(rep.sum("wasmtime"), rep.sum("native"))))
	}
	var first, spoke float64
	for _, s := range rep.Starts {
		if s.Engine == "wasmtime" && s.How == cached {
			first, spoke = median(s.FirstOutput), median(s.Stages[initStage])
		}
	}
	ts = append(ts,
		judge("init's first line, wasmtime cached", "%.0f ms", 500, spoke),
		judge("first output, wasmtime cached", "%.0f ms", 1500, first))
	var debian float64
	for _, c := range rep.Conversions {
		if c.What == debianImage {
			debian = median(c.Times) / 1000
		}
	}
	return append(ts, judge("conversion of the Debian image", "%.1f s", 8, debian))
}
