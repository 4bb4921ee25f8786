package main

import (
	"bytes"
	"context"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/c2w/c2w/bench/works"
)

func TestReadCounts(t *testing.T) {
	want := counts{"instructions all": 12, "exits miss": 3}
	out := "x\nc2w: stats: {\"instructions\": {\"all\": 12}, \"exits\": {\"miss\": 3}, \"share\": 0.5, \"name\": \"x\"}\r\n"
	if c, err := readCounts(out); err != nil || !reflect.DeepEqual(c, want) || c.exits() != 3 {
		t.Errorf("%q: %v, %v", out, c, err)
	}
	for _, out := range []string{"", "c2w: boot: init 3", "c2w: stats: calls 3", "c2w: stats: {}", "c2w: stats: {"} {
		if c, err := readCounts(out); err == nil {
			t.Errorf("%q: %v", out, c)
		}
	}
	c := coverage{Counts: counts{countInstructions: 200, countTranslated: 190}}
	if c.Share() != 95 || (&coverage{}).Share() != 0 {
		t.Errorf("%v, %v", c.Share(), (&coverage{}).Share())
	}
}

// sh is an engine of the part real that runs a shell script.
func sh(name, script string) *realEngine {
	return &realEngine{info: engineInfo{Name: name}, command: func(ctx context.Context, _ string, _ []string) (*exec.Cmd, error) {
		return exec.CommandContext(ctx, "sh", "-c", script), nil
	}}
}

// TestWorkFaults shows that a wrong answer, a missing line and a dead engine are
// not passed over, and that only a compiler may answer natively what it likes.
func TestWorkFaults(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs sh")
	}
	l := testLab(t)
	l.o.scale, l.o.timeout = 1, 60e9
	once := func(w works.Work, scripts ...string) string {
		rep := &report{Real: &real{Whole: []program{{Name: w.Name, Runs: map[string]*runs{}}}}}
		for _, p := range w.Parts {
			rep.Real.Parts = append(rep.Real.Parts, realPart{program{Name: p.Name, Runs: map[string]*runs{}}, p.Limit})
		}
		for i, s := range scripts {
			rep.workOnce(t.Context(), l, sh([]string{"native", "wasmtime", "node"}[i], s), w)
		}
		return strings.Join(rep.Faults, "; ")
	}
	python, gcc := works.All[0], works.All[2]
	for _, c := range []struct {
		w       works.Work
		scripts []string
		want    string
	}{
		{python, []string{"echo python 5 1", "echo python 6 1"}, ""},
		{python, []string{"echo python 5 1", "echo python 6 2"}, "wasmtime answers 2, others 1"},
		{python, []string{"echo hello"}, `it printed "hello\n"`},
		{python, []string{"echo c2w: alas >&2; exit 3"}, "exit status 3: c2w: alas"},
		{gcc, []string{"echo gcc 5 1", "echo gcc 6 2"}, ""},
		{gcc, []string{"echo gcc 5 1", "echo gcc 6 2", "echo gcc 6 3"}, "node answers 3, others 2"},
	} {
		if got := once(c.w, c.scripts...); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%v: %q, want %q", c.scripts, got, c.want)
		}
	}
}

// TestWorkCannot: an engine without the file of one work has the others.
func TestWorkCannot(t *testing.T) {
	gcc := works.All[2]
	r := &real{Engines: []engineInfo{{Name: "node"}}, Parts: []realPart{{program{Name: "gcc", Runs: map[string]*runs{}}, 10}},
		Whole: []program{{Name: "gcc", Runs: map[string]*runs{}}}}
	if r.whole("gcc").unable("node") {
		t.Error("before")
	}
	r.cannot("node", gcc, exec.ErrNotFound)
	if !r.whole("gcc").unable("node") || r.whole("gcc").unable("wazero") || r.part("gcc").cell(r.Engines[0]) != "cannot" {
		t.Errorf("%+v", r)
	}
}

func TestBestBudget(t *testing.T) {
	b := budgets{Works: []budgetWork{{"wasmtime", "python", 100}, {"node", "python", 50}}}
	for mib, runs := range map[int][2]float64{0: {2200, 2900}, 4: {900, 2500}, 8: {850, 4000}} {
		b.Files = append(b.Files, budgetFile{MiB: mib, Runs: map[string][]float64{"wasmtime python": {runs[0]}, "node python": {runs[1]}}})
	}
	if got := b.Files[0].mean(nil); got != 0 {
		t.Errorf("a mean of no works: %v", got)
	}
	b.Files = append(b.Files, budgetFile{MiB: 16, Runs: map[string][]float64{"wasmtime python": {1}}}) // failed elsewhere
	if got := b.best(); got != 4 {
		t.Errorf("%d MiB, want 4", got)
	}
}

// TestBudgetText looks for the columns by which the default is chosen.
func TestBudgetText(t *testing.T) {
	b := budgets{
		Engines: []engineInfo{{Name: "node", Version: "v20"}, {Name: "wazero", Missing: "not installed"}},
		Works:   []budgetWork{{"node", "python", 50}, {"node", "script", 80}},
		Files: []budgetFile{
			{MiB: 0, Bytes: 2e6, Starts: map[string][]float64{"node cold": {7, 5, 6}}, Runs: map[string][]float64{"node python": {4000}, "node script": {1000}}},
			{MiB: 4, Bytes: 6e6, Starts: map[string][]float64{"node cold": {9}}, Runs: map[string][]float64{"node python": {2000}, "node script": {800}},
				Inside: map[string][]float64{"node python": {1500}}},
		},
		Best: 4, Default: 4,
	}
	text := func() string {
		var out bytes.Buffer
		b.text(&out)
		return strings.Join(strings.Fields(out.String()), " ")
	}
	for _, want := range []string{
		"node v20", "wazero MISSING: not installed", "MiB file node cold 0 2.0 MB 6 4 6.0 MB 9",
		"MiB node python node script geometric mean 0 4000 1000 2000 4 2000 (1500) 800 1265",
		"script on node, cold: at 80 % it takes two seconds", "4 MiB, which is c2w's default",
	} {
		if got := text(); !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if b.Best = -1; !strings.Contains(text(), "No budget has all") {
		t.Error(text())
	}
}

// TestProfileRead maps what perf says to the parts of a file.
func TestProfileRead(t *testing.T) {
	s := &symbols{imports: 2, gofuncs: 4, core: 10, end: 14, interp: 11, pages: map[uint32]int{12: 0, 13: 1}, names: map[uint32]string{5: "main.main"}}
	p := &profile{symbols: s}
	pids := p.read("    77     7fcc8ee5bbc7 wasm[0]::function[12]\n    77  7fcc8ee5bbc8 wasm[0]::function[12]\n 77 1 wasm[0]::function[11]\n" +
		" 77 1 wasm[0]::function[3]\n 77 1 wasm[0]::function[5]\n 78 ffffffff1 do_syscall_64\n 77 1 wasm[0]::function[1]\n\nx\n")
	if !reflect.DeepEqual(pids, map[int]bool{77: true, 78: true}) || p.Samples != 7 {
		t.Errorf("%v, %d samples", pids, p.Samples)
	}
	want := []share{{groupPages, 2}, {groupHost, 2}, {groupGo, 1}, {groupCore, 1}, {groupInterp, 1}}
	if len(p.Groups) != len(want) || p.Groups[0].Samples != 2 || p.Groups[2].Samples != 1 {
		t.Errorf("%v, want %v", p.Groups, want)
	}
	names := map[string]int{}
	for _, s := range p.Top {
		names[s.Name] = s.Samples
	}
	if names["page function 0"] != 2 || names["main.main"] != 1 || names["interpreter"] != 1 || names["do_syscall_64"] != 1 {
		t.Errorf("%v", names)
	}
}

func TestFunctionNames(t *testing.T) {
	section := []byte("\x00\x02\x01x\x01\x08\x02\x03\x02ab\x07\x01c")
	if got := functionNames(section); !reflect.DeepEqual(got, map[uint32]string{3: "ab", 7: "c"}) {
		t.Errorf("%v", got)
	}
	for _, bad := range []string{"", "\x01", "\x01\xff", "\x01\x05\x02\x03\x09ab", "\x01\x03\x01\x03\xff"} {
		functionNames([]byte(bad)) // ends, and does not panic
	}
}

// TestVersions asks a program of this host.
func TestVersions(t *testing.T) {
	if _, err := exec.LookPath("/bin/bash"); err != nil {
		t.Skip("needs bash")
	}
	args := versionsCommand([]string{"bash", "bash"})
	out, err := exec.Command(args[0], args[1:]...).Output()
	if lines := strings.Split(string(out), "\n"); err != nil || len(lines) != 3 || !strings.HasPrefix(lines[1], "version: bash GNU bash, version ") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestLayer(t *testing.T) {
	l := testLab(t)
	base, err := demoImage(l.dir + "/demo")
	if err != nil {
		t.Fatal(err)
	}
	img, err := withWorks(base)
	if err != nil {
		t.Fatal(err)
	}
	out := l.dir + "/layout"
	if err := writeLayout(out, img); err != nil {
		t.Fatal(err)
	}
	if _, err := onlyImage(out); err != nil {
		t.Error(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	r, err := layers[len(layers)-1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil || !bytes.Contains(b.Bytes(), []byte("bench/run\x00")) {
		t.Errorf("no bench/run in the layer, %v", err)
	}
}
