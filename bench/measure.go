package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/c2w/c2w/bench/programs"
)

// sample is one process from start to end.
type sample struct {
	out, err    string // stderr without the stages of the boot, its first megabyte
	wall        time.Duration
	firstOutput time.Duration            // first byte on stdout; 0: none
	stages      map[string]time.Duration // first sight of each "c2w: boot: STAGE" line
	maxRSS      int64                    // bytes; 0: unknown
}

// observe runs cmd with an open, silent stdin, as a terminal would be, and
// notes when its output comes.
func observe(cmd *exec.Cmd) (sample, error) {
	s := sample{stages: map[string]time.Duration{}}
	stdin, keepOpen, err := os.Pipe()
	if err != nil {
		return s, err
	}
	defer stdin.Close()
	defer keepOpen.Close()
	cmd.Stdin = stdin
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return s, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return s, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return s, err
	}
	var (
		wg       sync.WaitGroup
		out      strings.Builder
		complain strings.Builder
	)
	wg.Go(func() {
		b := make([]byte, 32<<10)
		for {
			n, err := stdout.Read(b)
			if n > 0 && s.firstOutput == 0 {
				s.firstOutput = time.Since(begin)
			}
			out.Write(b[:n])
			if err != nil {
				return
			}
		}
	})
	wg.Go(func() {
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if stage, ok := bootStage(lines.Text()); ok {
				if _, seen := s.stages[stage]; !seen {
					s.stages[stage] = time.Since(begin)
				}
			} else if strings.TrimSpace(lines.Text()) != "" {
				if complain.Len() < 1<<20 {
					fmt.Fprintln(&complain, lines.Text())
				}
			}
		}
		io.Copy(io.Discard, stderr) // a line too long for the scanner
	})
	wg.Wait()
	err = cmd.Wait()
	s.wall = time.Since(begin)
	s.out = out.String()
	s.maxRSS = maxRSS(cmd.ProcessState)
	if s.err = complain.String(); err != nil && s.err != "" {
		err = fmt.Errorf("%w: %s", err, lastLine([]byte(s.err)))
	}
	return s, err
}

// bootStage reads "c2w: boot: STAGE MILLISECONDS", which the machine prints on
// stderr with C2W_TRACE=boot in its environment.
func bootStage(line string) (string, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "c2w: boot: ")
	if !ok {
		return "", false
	}
	at := strings.LastIndexByte(rest, ' ')
	if at < 1 {
		return "", false
	}
	_, err := strconv.ParseFloat(rest[at+1:], 64)
	return strings.TrimSpace(rest[:at]), err == nil
}

// programs runs c2wbench on every engine that is here.
func (rep *report) programs(ctx context.Context, l *lab, ps []programs.Program) {
	engines := l.all(ctx)
	for _, e := range engines {
		rep.Engines = append(rep.Engines, engineInfo{e.name, e.version, e.missing})
		if e.missing != "" {
			l.logf("%s is missing: %s", e.name, e.missing)
		}
	}
	rep.measure(ctx, l, engines, ps, l.o.rounds)
}

// measure runs the programs on every engine, one engine after the other in
// each round.
func (rep *report) measure(ctx context.Context, l *lab, engines []*engine, ps []programs.Program, rounds int) {
	for _, p := range ps {
		rep.Programs = append(rep.Programs, program{Name: p.Name, Kind: p.Kind, Runs: map[string]*runs{}})
	}
	for round := range rounds {
		for _, e := range engines {
			if e.missing != "" || ctx.Err() != nil || e.once && round > 0 {
				continue
			}
			l.logf("round %d of %d: %s", round+1, rounds, e.name)
			rep.round(ctx, l, e, ps)
		}
	}
}

func (rep *report) round(ctx context.Context, l *lab, e *engine, ps []programs.Program) {
	args := []string{"-scale", strconv.Itoa(l.o.scale)}
	for _, p := range ps {
		if e.cannot[p.Name] == "" {
			args = append(args, p.Name)
		}
	}
	if len(args) == 2 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, l.o.timeout)
	defer cancel()
	s, err := observe(e.command(ctx, args))
	if ctx.Err() != nil {
		err = fmt.Errorf("stopped after %v", s.wall.Round(time.Second))
	}
	got := map[string]programs.Result{}
	var sum time.Duration
	for _, r := range programs.Parse(s.out) {
		got[r.Name] = r
		sum += r.Time
	}
	// A guest whose clock runs ahead of ours reports times that are too long.
	if sum > s.wall {
		rep.fault(l, "%s: the programs counted %v in a process of %v: its clock is wrong", e.name, sum, s.wall)
	}
	rep.Processes = append(rep.Processes, process{e.name, ms(s.wall), ms(sum), s.maxRSS})
	var failed []string
	for i, p := range ps {
		r := rep.Programs[i].Runs[e.name]
		if r == nil {
			r = &runs{}
			rep.Programs[i].Runs[e.name] = r
		}
		res, ok := got[p.Name]
		switch {
		case e.cannot[p.Name] != "":
			r.Cannot = e.cannot[p.Name]
		case !ok:
			failed = append(failed, p.Name+" (no result)")
		case res.Errno != 0:
			failed = append(failed, fmt.Sprintf("%s (errno %d)", p.Name, res.Errno))
		default:
			r.Times = append(r.Times, ms(res.Time))
			rep.compare(l, e.name, &rep.Programs[i], res.Checksum)
		}
	}
	if len(failed) > 0 {
		if err == nil {
			err = errors.New("it ended with status 0")
		}
		rep.fault(l, "%s: %s: %v", e.name, strings.Join(failed, ", "), err)
	}
}

// compare holds every engine to the same answer.
func (rep *report) compare(l *lab, engine string, p *program, sum uint64) {
	text := fmt.Sprintf("%x", sum)
	if p.Checksum == "" {
		p.Checksum = text
	} else if p.Checksum != text {
		rep.fault(l, "%s: %s answers %s, others %s", p.Name, engine, text, p.Checksum)
	}
}

// fault notes what must not happen; the run goes on and ends with an error.
func (rep *report) fault(l *lab, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.logf("%s", text)
	rep.Faults = append(rep.Faults, text)
}
