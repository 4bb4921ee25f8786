package main

import (
	"context"
	"fmt"
	"time"
)

// initStage is the boot stage at which init has spoken first.
const initStage = "init"

// start measures the time from process start to the first life signs of the
// container, interleaved as the programs are.
func (rep *report) start(ctx context.Context, l *lab) {
	if !l.o.has(partStarts) || l.fileErr != nil {
		return
	}
	type kind struct {
		h *host
		s *startInfo
	}
	var kinds []kind
	for _, name := range []string{"wasmtime", "wazero", "node"} {
		if !l.o.wants(name) {
			continue
		}
		h, err := l.host(ctx, name)
		if err != nil {
			continue // already named as missing
		}
		for _, as := range hows[name] {
			if err := h.prepare(ctx, as, l.file); err != nil {
				rep.fault(l, "%v", err)
				continue
			}
			kinds = append(kinds, kind{h, &startInfo{Engine: name, How: as, Stages: map[string][]float64{}}})
		}
		if h.compile > 0 {
			rep.Compile = ms(h.compile)
		}
	}
	for round := range l.o.rounds {
		l.logf("start %d of %d", round+1, l.o.rounds)
		for _, k := range kinds {
			if err := k.s.once(ctx, l, k.h); err != nil {
				rep.fault(l, "start, %s %s: %v", k.s.Engine, k.s.How, err)
			}
		}
	}
	for _, k := range kinds {
		rep.Starts = append(rep.Starts, *k.s)
	}
}

func (i *startInfo) once(ctx context.Context, l *lab, h *host) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.timeout)
	defer cancel()
	s, err := observe(h.command(ctx, i.How, l.file, []string{"C2W_TRACE=boot"}, []string{"/bin/busybox", "echo", "hello"}))
	if err != nil {
		return err
	}
	if s.out != "hello\n" {
		return fmt.Errorf("echo hello printed %q", s.out)
	}
	for name, at := range s.stages {
		i.Stages[name] = append(i.Stages[name], ms(at))
	}
	i.FirstOutput = append(i.FirstOutput, ms(s.firstOutput))
	i.Exit = append(i.Exit, ms(s.wall))
	i.MaxRSS = max(i.MaxRSS, s.maxRSS)
	return nil
}

// ms is milliseconds: the unit of every time in the report.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
