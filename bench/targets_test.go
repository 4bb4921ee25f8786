package main

import (
	"strings"
	"testing"

	"github.com/c2w/c2w/bench/programs"
)

// TestTargets gives every program the same time on every engine but native, and
// looks what is said of the targets.
func TestTargets(t *testing.T) {
	rep := &report{Scale: 50, Real: &real{}, Cover: []coverage{{"sha256", "wasmtime", counts{countInstructions: 1000, countTranslated: 949}}}}
	for _, p := range programs.All {
		r := map[string]*runs{"native": {Times: []float64{10}}}
		for _, e := range append([]string{"qemu-system"}, wasmHosts...) {
			r[e] = &runs{Times: []float64{40, 1, 90}}
		}
		rep.Programs = append(rep.Programs, program{Name: p.Name, Kind: p.Kind, Runs: r})
	}
	rep.Real.Parts = []realPart{{program{Name: "python", Runs: map[string]*runs{"native": {Times: []float64{10}}, "node": {Times: []float64{81}}}}, 8}}
	got, seen := map[string]target{}, map[string]bool{}
	for _, x := range rep.targets() {
		if _, twice := seen[x.What+x.Limit]; twice {
			t.Errorf("%s is there twice", x.What)
		}
		seen[x.What+x.Limit] = true
		if _, unit, _ := strings.Cut(x.Limit, "× "); unit == "qemu-system" {
			x.What += " and qemu-system"
		}
		got[x.What] = x
	}
	for what, want := range map[string]target{
		"sum of integer programs, node":                     {Limit: "≤ 3.50× native", Measured: "4.00× native", Verdict: missed},
		"sum of integer programs, wazero":                   {Limit: "≤ 5.00× native", Measured: "4.00× native", Verdict: met},
		"sum of integer programs, wasmtime and qemu-system": {Limit: "< 1.00× qemu-system", Measured: "1.00× qemu-system", Verdict: missed},
		"sum of integer programs, qemu-system":              {Limit: "–", Measured: "4.00× native", Verdict: noTarget},
		"nbody-fma, wazero":                                 {Limit: "–", Measured: "4.0× native", Verdict: noTarget},
		"sha256, wasmtime":                                  {Limit: "≤ 5.0× native", Measured: "4.0× native", Verdict: met},
		"shell, wazero":                                     {Limit: "≤ 12.0× native", Measured: "4.0× native", Verdict: met},
		"one getppid, wasmtime":                             {Limit: "≤ 0.50 µs", Measured: "0.40 µs", Verdict: met},
		"one fork and exec, node":                           {Limit: "≤ 2.00 ms", Measured: "0.80 ms", Verdict: met},
		"python, node":                                      {Limit: "≤ 8.0× native", Measured: "8.1× native", Verdict: missed},
		"python, wazero":                                    {Limit: "≤ 8.0× native", Measured: "–", Verdict: notMeasured},
		"gcc, wasmtime":                                     {Limit: "≤ 10.0× native", Measured: "–", Verdict: notMeasured},
		"sha256, wasmtime, instructions in translated code": {Limit: "≥ 95 %", Measured: "94.9 %", Verdict: missed},
	} {
		want.What = what
		if got[what] != want {
			t.Errorf("%+v, want %+v", got[what], want)
		}
	}
	rep.Programs = rep.Programs[:3]
	for _, x := range rep.targets() {
		if x.What == "sum of integer programs, node" && x.Verdict != notMeasured {
			t.Errorf("a sum of three programs: %+v", x)
		}
	}
}
