package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// traffic is what one engine moved through pipes and a directory of the host.
// Times are the guest's work alone: its boot and its end do not count.
type traffic struct {
	Engine string               `json:"engine"`
	Times  map[string][]float64 `json:"ms"`
}

// job is a shell script that says "ready" on stderr before its work and "done"
// behind it; $D is the directory of the host.
type job struct {
	name   string
	script string
	bytes  int64 // moved; 0: the time itself is the figure
	input  bool  // bytes come in by stdin
	git    bool  // needs the image with git
}

const (
	streamBytes = 256 << 20
	copyBytes   = 1 << 30
	smallFiles  = 10_000
	treeFiles   = 5_000
	manyFiles   = 100_000
)

var jobs = []job{
	{name: "pipe in", script: `cat >/dev/null`, bytes: streamBytes, input: true},
	{name: "pipe out", script: fmt.Sprintf(`dd if=/dev/zero bs=128k count=%d 2>/dev/null`, streamBytes>>17), bytes: streamBytes},
	{name: "pipe through", script: `cat`, bytes: streamBytes, input: true},
	{name: "read 1 GB", script: `dd if=$D/big of=/dev/null bs=1M 2>/dev/null`, bytes: copyBytes},
	{name: "write 1 GB", script: fmt.Sprintf(`dd if=/dev/zero of=$D/out bs=1M count=%d conv=fsync 2>/dev/null`, copyBytes>>20), bytes: copyBytes},
	{name: "tar x 10,000", script: `mkdir $D/x && tar -C $D/x -xf $D/small.tar`},
	{name: "list 100,000", script: `test $(ls -f $D/many | wc -l) -ge 100000`, git: true},
	{name: "git status 5,000", script: `test -z "$(git -c safe.directory=* -c core.fileMode=false -C $D/tree status --porcelain)"`, git: true},
}

// trafficHosts are the engines, beside native: c2w is c2w run with its own.
var trafficHosts = []string{"native", "wasmtime", "wazero", "node", "c2w"}

// move measures the jobs on each engine, one after the other in every round.
func (rep *report) move(ctx context.Context, l *lab) {
	if !l.o.has(partTraffic) || l.fileErr != nil {
		return
	}
	dir := filepath.Join(l.dir, "shared")
	if err := prepareFiles(ctx, dir); err != nil {
		rep.fault(l, "preparing files: %v", err)
		return
	}
	var git string
	if l.o.git != "" {
		git = filepath.Join(l.dir, "git.wasm")
		c, err := l.convertOne(ctx, "image with git", l.o.git, git)
		if err != nil {
			rep.fault(l, "%v", err)
			git = ""
		} else {
			rep.Conversions = append(rep.Conversions, c)
		}
	}
	for round := range l.o.rounds {
		for _, name := range trafficHosts {
			if name != "native" && name != "c2w" && !l.o.wants(name) || ctx.Err() != nil {
				continue
			}
			l.logf("traffic %d of %d: %s", round+1, l.o.rounds, name)
			rep.moveOn(ctx, l, name, git, dir)
		}
	}
}

func (rep *report) moveOn(ctx context.Context, l *lab, name, git, dir string) {
	var t *traffic
	for _, have := range rep.Traffic {
		if have.Engine == name {
			t = have
		}
	}
	if t == nil {
		t = &traffic{Engine: name, Times: map[string][]float64{}}
		rep.Traffic = append(rep.Traffic, t)
	}
	for _, j := range jobs {
		file := l.file
		if j.git {
			file = git
		}
		if file == "" && name != "native" {
			continue
		}
		os.RemoveAll(filepath.Join(dir, "x"))
		os.Remove(filepath.Join(dir, "out"))
		cmd, err := l.sharing(ctx, name, file, dir, j.script)
		if err != nil {
			l.logf("%s is missing: %v", name, err)
			return
		}
		took, err := j.time(cmd)
		if err != nil {
			rep.fault(l, "%s, %s: %v", name, j.name, err)
			continue
		}
		t.Times[j.name] = append(t.Times[j.name], ms(took))
	}
}

// sharing is the command that runs a script with the directory at $D.
func (l *lab) sharing(ctx context.Context, name, file, dir, script string) (*exec.Cmd, error) {
	at := "/shared"
	if name == "native" {
		at = dir
	}
	sh := []string{"sh", "-c", "D=" + at + "; echo ready >&2; " + script + " && echo done >&2"}
	switch name {
	case "native":
		return exec.CommandContext(ctx, sh[0], sh[1:]...), nil
	case "c2w":
		return exec.CommandContext(ctx, l.c2w, append([]string{"run", "-v", dir + ":" + at, file, "--"}, sh...)...), nil
	}
	h, err := l.host(ctx, name)
	if err != nil {
		return nil, err
	}
	as := hows[name][len(hows[name])-1]
	if err := h.prepare(ctx, as, file); err != nil {
		return nil, err
	}
	cmd := h.command(ctx, as, file, nil, sh)
	option := []string{"--dir", dir + "::" + at}
	if name == "wazero" {
		option = []string{"-mount", dir + ":" + at}
	}
	for i, a := range cmd.Args { // in front of the file
		if a == file || a == h.compiled(file) {
			cmd.Args = append(append(append([]string{}, cmd.Args[:i]...), option...), cmd.Args[i:]...)
			break
		}
	}
	return cmd, nil
}

// stamps notes when the lines "ready" and "done" come.
type stamps struct {
	text        bytes.Buffer
	ready, done time.Time
	begun       chan struct{}
}

func (s *stamps) Write(p []byte) (int, error) {
	s.text.Write(p)
	if s.ready.IsZero() && bytes.Contains(s.text.Bytes(), []byte("ready\n")) {
		s.ready = time.Now()
		close(s.begun)
	}
	if s.done.IsZero() && bytes.Contains(s.text.Bytes(), []byte("done\n")) {
		s.done = time.Now()
	}
	return len(p), nil
}

// time runs the job: from "ready" to "done", or to the last byte of output where
// that is what the job is about.
func (j *job) time(cmd *exec.Cmd) (time.Duration, error) {
	s := &stamps{begun: make(chan struct{})}
	cmd.Stderr = s
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		defer stdin.Close()
		if !j.input {
			return
		}
		select {
		case <-s.begun:
		case <-ended:
			return
		}
		piece := make([]byte, 256<<10)
		for n := int64(0); n < j.bytes; n += int64(len(piece)) {
			if _, err := stdin.Write(piece); err != nil {
				return // the script's status tells
			}
		}
	}()
	n, err := io.Copy(io.Discard, stdout)
	last := time.Now()
	close(ended)
	<-fed
	if e := cmd.Wait(); e != nil {
		return 0, fmt.Errorf("%w: %s", e, lastLine(s.text.Bytes()))
	}
	switch {
	case err != nil:
		return 0, err
	case s.ready.IsZero() || s.done.IsZero():
		return 0, fmt.Errorf("it ended early: %s", lastLine(s.text.Bytes()))
	case strings.HasPrefix(j.name, "pipe") && j.name != "pipe in":
		if n != j.bytes {
			return 0, fmt.Errorf("%d of %d bytes came out", n, j.bytes)
		}
		if last.After(s.done) {
			return last.Sub(s.ready), nil
		}
	}
	return s.done.Sub(s.ready), nil
}

// prepareFiles makes what the jobs find: a file of 1 GB, an archive of small
// files, a large directory, and a git tree.
func prepareFiles(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	big, err := os.Create(filepath.Join(dir, "big"))
	if err != nil {
		return err
	}
	piece := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	for n := 0; n < copyBytes && err == nil; n += len(piece) {
		_, err = big.Write(piece)
	}
	if e := big.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	for name, n := range map[string]int{"small": smallFiles, "tree": treeFiles, "many": manyFiles} {
		for i := range n {
			sub := filepath.Join(dir, name)
			content := fmt.Appendf(nil, "%d\n", i)
			if name != "many" {
				sub = filepath.Join(sub, fmt.Sprint("d", i/100))
				content = bytes.Repeat(content, 100)
			}
			if i%100 == 0 {
				if err := os.MkdirAll(sub, 0o755); err != nil {
					return err
				}
			}
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("file-%06d", i)), content, 0o644); err != nil {
				return err
			}
		}
	}
	for _, line := range []string{
		"tar -cf small.tar -C small .",
		"git -C tree init -q && git -C tree add . && git -C tree -c user.name=bench -c user.email=bench@localhost commit -q -m all",
	} {
		cmd := exec.CommandContext(ctx, "sh", "-c", line)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, lastLine(out))
		}
	}
	return nil
}

func (rep *report) trafficText(out io.Writer) {
	if len(rep.Traffic) == 0 {
		return
	}
	fmt.Fprintf(out, "\nStreams and files of the host: median, MB/s or ms\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	cells := []string{"job"}
	for _, t := range rep.Traffic {
		cells = append(cells, t.Engine)
	}
	fmt.Fprintf(w, "%s\t\n", strings.Join(cells, "\t"))
	for _, j := range jobs {
		cells := []string{j.name}
		for _, t := range rep.Traffic {
			m := median(t.Times[j.name])
			switch {
			case m == 0:
				cells = append(cells, "–")
			case j.bytes > 0:
				cells = append(cells, fmt.Sprintf("%.0f MB/s", float64(j.bytes)/1e3/m))
			default:
				cells = append(cells, fmt.Sprintf("%.0f ms", m))
			}
		}
		fmt.Fprintf(w, "%s\t\n", strings.Join(cells, "\t"))
	}
	w.Flush()
}
