package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/c2w/c2w/bench/programs"
)

// tiers compares the interpreter alone with page functions: the same image in
// two files (command bench/tiers), in the same rounds on every engine.
type tiers struct {
	Said      string          `json:"said"`         // bench/tiers on its translations
	Pages     json.RawMessage `json:"translations"` // its pages.json
	Engines   []engineInfo    `json:"engines"`
	Programs  []program       `json:"programs"`
	Processes []process       `json:"processes"`
}

// The two files, and how an engine is called that runs one.
const (
	tierInterp = "interp"
	tierPages  = "pages"
)

func tierName(engine, tier string) string { return engine + " " + tier }

// compareTiers fills rep.Tiers.
func (rep *report) compareTiers(ctx context.Context, l *lab, ps []programs.Program) {
	hosts := slices.DeleteFunc([]string{"wasmtime", "wazero", "node"}, func(name string) bool { return !l.o.wants(name) })
	if l.o.tiers == 0 || l.fileErr != nil || len(hosts) == 0 {
		return
	}
	t := &tiers{}
	dir := filepath.Join(l.dir, "tiers")
	if err := t.make(ctx, l, dir); err != nil {
		rep.fault(l, "%v", err)
		return
	}
	native := &engine{name: "native"}
	if err := l.native(native); err != nil {
		native.missing = err.Error()
	}
	engines := []*engine{native}
	for _, name := range hosts {
		for _, tier := range []string{tierInterp, tierPages} {
			e := &engine{name: tierName(name, tier)}
			if err := l.wasm(ctx, e, name, filepath.Join(dir, tier+".wasm")); err != nil {
				e.missing = err.Error()
			}
			engines = append(engines, e)
		}
	}
	for _, e := range engines {
		t.Engines = append(t.Engines, engineInfo{e.name, e.version, e.missing})
	}
	sub := &report{}
	sub.measure(ctx, l, engines, ps, l.o.tiers)
	t.Programs, t.Processes = sub.Programs, sub.Processes
	rep.Faults = append(rep.Faults, sub.Faults...)
	rep.Tiers = t
}

// make trains and converts.
func (t *tiers) make(ctx context.Context, l *lab, dir string) error {
	tool := filepath.Join(l.dir, "tiers-tool"+exe)
	if err := l.gobuild(ctx, tool, "./bench/tiers"); err != nil {
		return err
	}
	l.logf("training run and translation")
	ctx, cancel := context.WithTimeout(ctx, l.o.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, "-o", dir, "-pages", strconv.Itoa(l.o.pages), "oci:"+l.image)
	cmd.Stderr = l.log
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("translating the benchmark image: %w", err)
	}
	// The guest's output of the training runs comes before what the tool says.
	var said []string
	for line := range strings.Lines(string(out)) {
		if len(programs.Parse(line)) == 0 {
			said = append(said, strings.TrimSpace(line))
		}
	}
	t.Said = strings.Join(said, "\n")
	t.Pages, err = os.ReadFile(filepath.Join(dir, "pages.json"))
	return err
}

func (t *tiers) text(out io.Writer) {
	if t == nil {
		return
	}
	fmt.Fprintf(out, "\nPage functions beside the interpreter: median ms, the multiple of native, the gain\n")
	for line := range strings.Lines(t.Said) {
		fmt.Fprintf(out, "  %s\n", strings.TrimRight(line, "\n"))
	}
	var names []string
	for _, e := range t.Engines {
		switch name, tier, _ := strings.Cut(e.Name, " "); {
		case e.Missing != "":
			fmt.Fprintf(out, "%-12s MISSING: %s\n", e.Name, e.Missing)
		case tier == tierPages:
			names = append(names, name)
		}
	}
	sub := &report{Programs: t.Programs}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	cells := []string{"program", "native"}
	for _, name := range names {
		cells = append(cells, name+" "+tierInterp, tierPages, "gain")
	}
	fmt.Fprintf(w, "%s\t\n", strings.Join(cells, "\t"))
	row := func(what string, time func(engine string) float64) {
		native := time("native")
		cells := []string{what, times(native, 0)}
		for _, name := range names {
			interp, pages := time(tierName(name, tierInterp)), time(tierName(name, tierPages))
			gain := "–"
			if interp > 0 && pages > 0 {
				gain = fmt.Sprintf("%.1f", interp/pages)
			}
			cells = append(cells, times(interp, native), times(pages, native), gain)
		}
		fmt.Fprintf(w, "%s\t\n", strings.Join(cells, "\t"))
	}
	for i := range t.Programs {
		p := &t.Programs[i]
		row(p.Name, p.time)
	}
	row("integer programs", sub.sum)
	w.Flush()
}
