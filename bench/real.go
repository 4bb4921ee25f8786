package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/c2w/c2w/bench/works"
)

// real is what programs of a Debian image did. The same packages run natively,
// and each work's file is trained with other data than it is measured with.
type real struct {
	Versions []string     `json:"versions"` // of the programs, the same natively and in the guest
	Engines  []engineInfo `json:"engines"`
	Parts    []realPart   `json:"parts"`
	Whole    []program    `json:"whole_runs"` // from process start to end
}

// realPart is a part of a work, by the guest's clock.
type realPart struct {
	program
	Limit float64 `json:"limit,omitempty"`
}

// realEngine runs the works: the file is the work's own.
type realEngine struct {
	info    engineInfo
	command func(ctx context.Context, work string, args []string) (*exec.Cmd, error)
}

// realFile converts the image of a work, once, trained with the work's training
// data.
func (l *lab) realFile(ctx context.Context, rep *report, w works.Work) (string, error) {
	name := "real-" + w.Name
	f := l.realFiles[name]
	if f == nil {
		f = &madeFile{name: filepath.Join(l.dir, name+".wasm")}
		l.realFiles[name] = f
		f.err = func() error {
			dir, err := l.debianLayout(ctx, imageOf(w))
			if err != nil {
				return err
			}
			l.logf("converting %s", name)
			flags := l.aotFlags(strings.Join(works.Command(w.Name, works.Train, trainPercent), " "))
			c, err := l.convertOne(ctx, name, "oci:"+dir, f.name, flags...)
			if err == nil {
				rep.Conversions = append(rep.Conversions, c)
			}
			return err
		}()
	}
	return f.name, f.err
}

// trainPercent is the size of training runs: enough that the work itself is
// most of them.
const trainPercent = 25

// madeFile is a file, or why there is none.
type madeFile struct {
	name string
	err  error
}

// real measures the works on each engine, one after the other in every round.
func (rep *report) real(ctx context.Context, l *lab, ws []works.Work) {
	if !l.o.has(partReal) || len(ws) == 0 {
		return
	}
	if l.fileErr != nil {
		rep.fault(l, "no files of real programs: %v", l.fileErr)
		return
	}
	r := &real{}
	rep.Real = r
	for _, w := range ws {
		for _, p := range w.Parts {
			r.Parts = append(r.Parts, realPart{program{Name: p.Name, Runs: map[string]*runs{}}, p.Limit})
		}
		r.Whole = append(r.Whole, program{Name: w.Name, Runs: map[string]*runs{}})
	}
	engines := rep.realEngines(ctx, l, ws)
	for _, e := range engines {
		r.Engines = append(r.Engines, e.info)
		if e.info.Missing != "" {
			l.logf("%s is missing: %s", e.info.Name, e.info.Missing)
		}
	}
	r.Versions = rep.sameVersions(ctx, l, engines)
	for round := range l.o.rounds {
		for _, w := range ws {
			for _, e := range engines {
				if e.info.Missing != "" || ctx.Err() != nil || r.whole(w.Name).unable(e.info.Name) {
					continue
				}
				l.logf("real programs, round %d of %d: %s, %s", round+1, l.o.rounds, w.Name, e.info.Name)
				rep.workOnce(ctx, l, e, w)
			}
		}
	}
}

func (rep *report) realEngines(ctx context.Context, l *lab, ws []works.Work) (list []*realEngine) {
	add := func(name string, make func(e *realEngine) error) {
		e := &realEngine{info: engineInfo{Name: name}}
		if err := make(e); err != nil {
			e.info.Missing = err.Error()
		}
		list = append(list, e)
	}
	if l.o.wants("native") {
		add("native", func(e *realEngine) error {
			in, err := l.nativeRoot(ctx)
			e.command = func(ctx context.Context, _ string, args []string) (*exec.Cmd, error) { return in(ctx, args), nil }
			return err
		})
	}
	for _, name := range wasmHosts {
		if !l.o.wants(name) {
			continue
		}
		add(name, func(e *realEngine) error {
			h, err := l.host(ctx, name)
			if err != nil {
				return err
			}
			e.info.Version = h.version
			how := hows[name][len(hows[name])-1]
			e.command = func(ctx context.Context, work string, args []string) (*exec.Cmd, error) {
				w := works.All[slices.IndexFunc(works.All, func(w works.Work) bool { return w.Name == work })]
				file, err := l.realFile(ctx, rep, w)
				if err != nil {
					return nil, err
				}
				return h.command(ctx, how, file, nil, args), h.prepare(ctx, how, file)
			}
			for _, w := range ws { // what is to be converted and compiled
				if _, err := e.command(ctx, w.Name, nil); err != nil {
					rep.fault(l, "%s, %s: %v", name, w.Name, err)
					rep.Real.cannot(name, w, err)
				}
			}
			return nil
		})
	}
	return list
}

// sameVersions asks native and guest programs for their versions; a difference
// is a fault.
func (rep *report) sameVersions(ctx context.Context, l *lab, engines []*realEngine) []string {
	said := map[string]string{}
	ask := func(e *realEngine, names []string, work string) {
		cmd, err := e.command(ctx, work, versionsCommand(names))
		if err == nil {
			var s sample
			s, err = observe(cmd)
			for line := range strings.Lines(s.out) {
				f, ok := strings.CutPrefix(strings.TrimSpace(line), "version: ")
				if name, version, _ := strings.Cut(f, " "); ok && said[name] == "" {
					said[name] = version
				} else if ok && said[name] != version {
					rep.fault(l, "%s is %s under %s, %s elsewhere", name, version, e.info.Name, said[name])
				}
			}
		}
		if err != nil {
			rep.fault(l, "asking programs for their versions under %s: %v", e.info.Name, err)
		}
	}
	guest := false
	for _, e := range engines {
		switch {
		case e.info.Missing != "":
		case e.info.Name == "native":
			ask(e, realPrograms, "")
		case !guest:
			guest = true
			for _, w := range works.All {
				names := slices.DeleteFunc(slices.Clone(realPrograms), func(p string) bool { return p != "bash" && !slices.Contains(w.Packages, p) })
				if l.realFiles["real-"+w.Name] != nil {
					ask(e, names, w.Name)
				}
			}
		}
	}
	var list []string
	for _, name := range realPrograms {
		if said[name] != "" {
			list = append(list, name+" "+said[name])
		}
	}
	return list
}

func (rep *report) workOnce(ctx context.Context, l *lab, e *realEngine, w works.Work) {
	ctx, cancel := context.WithTimeout(ctx, l.o.timeout)
	defer cancel()
	cmd, err := e.command(ctx, w.Name, works.Command(w.Name, works.Run, l.o.scale))
	var s sample
	if err == nil {
		s, err = observe(cmd)
	}
	results := works.Parse(s.out)
	if err == nil && len(results) != len(w.Parts) {
		err = fmt.Errorf("it printed %q", s.out)
	}
	if err != nil {
		rep.fault(l, "%s, %s: %v", e.info.Name, w.Name, err)
		return
	}
	rep.Real.whole(w.Name).add(e.info.Name, ms(s.wall))
	for i, res := range results {
		p := rep.Real.part(w.Parts[i].Name)
		p.add(e.info.Name, ms(res.Time))
		switch {
		case w.Parts[i].Differs && e.info.Name == "native":
		case p.Checksum == "":
			p.Checksum = res.Checksum
		case p.Checksum != res.Checksum:
			rep.fault(l, "%s: %s answers %s, others %s", p.Name, e.info.Name, res.Checksum, p.Checksum)
		}
	}
}

func (p *program) add(engine string, ms float64) {
	if p.Runs[engine] == nil {
		p.Runs[engine] = &runs{}
	}
	p.Runs[engine].Times = append(p.Runs[engine].Times, ms)
}

// cannot notes why an engine does not run a work.
func (r *real) cannot(engine string, w works.Work, err error) {
	why := &runs{Cannot: err.Error()}
	r.whole(w.Name).Runs[engine] = why
	for _, p := range w.Parts {
		r.part(p.Name).Runs[engine] = why
	}
}

// unable reports whether cannot was told of the engine.
func (p *program) unable(engine string) bool {
	return p.Runs[engine] != nil && p.Runs[engine].Cannot != ""
}

// part returns the named part; nil if it was not asked for.
func (r *real) part(name string) *program {
	for i := range r.Parts {
		if r.Parts[i].Name == name {
			return &r.Parts[i].program
		}
	}
	return nil
}

func (r *real) whole(name string) *program {
	return &r.Whole[slices.IndexFunc(r.Whole, func(p program) bool { return p.Name == name })]
}

func (r *real) text(out io.Writer) {
	if r == nil {
		return
	}
	fmt.Fprintf(out, "\nReal programs of Debian, native and guest of the same version: median ms and the multiple of native\n")
	fmt.Fprintf(out, "  %s\n", strings.Join(r.Versions, "; "))
	for _, e := range r.Engines {
		e.text(out)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, p *program) {
		cells := []string{name}
		for _, e := range r.Engines {
			cells = append(cells, p.cell(e))
		}
		fmt.Fprintf(w, "%s\t\n", strings.Join(cells, "\t"))
	}
	cells := []string{"work"}
	for _, e := range r.Engines {
		cells = append(cells, e.Name)
	}
	fmt.Fprintf(w, "%s\t\n", strings.Join(cells, "\t"))
	for i := range r.Parts {
		row(r.Parts[i].Name, &r.Parts[i].program)
	}
	for i := range r.Whole {
		row("whole run: "+r.Whole[i].Name, &r.Whole[i])
	}
	w.Flush()
}
