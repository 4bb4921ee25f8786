package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// outcome is how a process ended.
type outcome struct {
	output string // both streams
	// ended says how: "" with status 0.
	ended string
	time  time.Duration
}

// patience is how long a process may take to end that was told to.
const patience = 20 * time.Second

// observe runs cmd, whose context must have a limit, and keeps its output in a
// file as well.
func (l *lab) observe(ctx context.Context, cmd *exec.Cmd, log string) (o outcome, err error) {
	if err := os.MkdirAll(filepath.Dir(log), 0o777); err != nil {
		return o, err
	}
	f, err := os.Create(log)
	if err != nil {
		return o, err
	}
	defer f.Close()
	var b bytes.Buffer
	out := io.MultiWriter(&b, f) // the same for both: one goroutine writes
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	begin := time.Now()
	err = cmd.Run()
	o.output, o.time = b.String(), time.Since(begin)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		o.ended = fmt.Sprintf("no end after %v", o.time.Round(time.Second))
	case errors.As(err, &exit):
		o.ended = exit.String()
	case err != nil:
		return o, err
	}
	return o, nil
}

// program runs p in each engine.
func (l *lab) program(ctx context.Context, p *program) (rows []row) {
	for _, engine := range l.engines {
		r := row{program: p.name, engine: engine}
		l.logf("%s, %s", p.name, engine)
		if err := l.inEngine(ctx, p, engine, &r); err != nil {
			r.ok, r.result = false, err.Error()
		}
		rows = append(rows, r)
	}
	return rows
}

func (l *lab) inEngine(ctx context.Context, p *program, engine string, r *row) error {
	file, err := l.file(ctx, p.image)
	if err != nil {
		return err
	}
	var volume string
	if p.volume != "" {
		if volume, err = os.MkdirTemp(l.out, "volume-"); err != nil {
			return err
		}
		defer os.RemoveAll(volume)
	}
	r.ok = true
	for n := range p.runs {
		o, err := l.container(ctx, p, engine, file, volume, n+1)
		if err != nil {
			return err
		}
		r.time += o.time
		if p.cpython != "" {
			return l.judgeCPython(ctx, p, o, r)
		}
		r.judge(o)
	}
	return nil
}

func (l *lab) container(ctx context.Context, p *program, engine, file, volume string, n int) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(float64(p.limit)*l.scale))
	defer cancel()
	args := []string{"run", "-e", fmt.Sprintf("RUN=%d", n), "-e", fmt.Sprintf("SCALE=%.0f", math.Ceil(l.scale))}
	if engine != engineNames[0] {
		args = append(args, "--engine", engine)
	}
	if volume != "" {
		args = append(args, "-v", volume+":"+p.volume)
	}
	command := []string{"bash", "-c", p.script, p.name}
	if p.cpython != "" {
		command = cpythonCommand(p.cpython)
	}
	cmd := exec.CommandContext(ctx, l.c2w, append(append(args, file, "--"), command...)...)
	return l.observe(ctx, cmd, l.log(p, engine, n))
}

// log is where a run's output is kept.
func (l *lab) log(p *program, where string, n int) string {
	name := strings.ReplaceAll(p.name, "/", "-")
	if n > 1 {
		name += fmt.Sprintf("-%d", n)
	}
	return filepath.Join(l.out, "output", where, name+".txt")
}

// Lines of lib.sh.
var (
	resultLine = regexp.MustCompile(`(?m)^result: (\d+) ok, (\d+) faults\r?$`)
	faultLine  = regexp.MustCompile(`(?m)^FAULT: .*$`)
)

// judge adds a script's run to what is known of the program.
func (r *row) judge(o outcome) {
	found := resultLine.FindStringSubmatch(o.output)
	result := "no result"
	if found != nil {
		result = found[1] + " checks"
		if found[2] != "0" {
			result = found[1] + " ok, " + found[2] + " faults"
		}
	}
	if o.ended != "" {
		result += ", " + o.ended
	}
	if r.result != "" {
		result = r.result + "; then " + result
	}
	r.result = result
	r.details = append(r.details, faultLine.FindAllString(o.output, -1)...)
	if found == nil || found[2] != "0" || o.ended != "" {
		r.ok = false
	}
	if found == nil { // where it was
		r.details = append(r.details, tail(o.output, 5)...)
	}
}

func tail(text string, n int) []string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[max(0, len(lines)-n):]
}
