package e2e

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/format/attach"
	"github.com/c2w/c2w/internal/run/runner"
)

// peer is a client of the attach protocol that says what it likes when it likes.
type peer struct {
	t      *testing.T
	run    runner.Process
	parser attach.Parser

	mu       sync.Mutex
	more     *sync.Cond // something below has changed
	out, err string     // not yet expected
	lines    []string   // of the machine, by Text or on its standard error
	partial  string     // the beginning of one
	exit     *attach.Exit
	over     bool // the run has ended, or lasted too long
	late     bool
}

// maxTalk bounds a run of a peer's: many times what the slowest engine takes.
const maxTalk = 2 * time.Minute

// startPeer runs a file by an engine of the runner's, "" its own. It says nothing
// yet.
func startPeer(t *testing.T, engine, file string, flags ...string) *peer {
	t.Helper()
	module, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, parser: attach.Parser{From: attach.Machine}}
	p.more = sync.NewCond(&p.mu)
	p.run, err = runner.Start(runner.Options{
		Module: module, Path: file, Engine: engine, CacheDir: shared("peer-cache"),
		Args: append([]string{"--attach=stdio"}, flags...), Env: []string{"C2W_TRACE=1"},
		Stdout: writer(p.frames), Stderr: writer(p.trace),
	})
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(maxTalk, func() {
		p.change(func() { p.over, p.late = true, true })
		p.run.Kill()
	})
	t.Cleanup(func() { late.Stop(); p.run.Kill() })
	go func() {
		p.run.Wait()
		p.change(func() { p.over = true })
	}()
	return p
}

type writer func(b []byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

func (p *peer) change(f func()) {
	p.mu.Lock()
	f()
	p.more.Broadcast()
	p.mu.Unlock()
}

// frames takes what the machine sends.
func (p *peer) frames(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parser.Feed(b)
	for {
		m, err := p.parser.Next()
		if err != nil {
			p.lines = append(p.lines, "violation: "+err.Error())
		}
		if m == nil {
			break
		}
		switch m := m.(type) {
		case attach.Stdout:
			p.out += string(m.Data)
		case attach.Stderr:
			p.err += string(m.Data)
		case attach.Text:
			p.lines = append(p.lines, m.Line)
		case attach.Exit:
			p.exit = &m
		}
	}
	p.more.Broadcast()
}

// trace takes what the machine says beside the protocol.
func (p *peer) trace(b []byte) {
	p.change(func() {
		p.partial += string(b)
		for {
			line, rest, ok := strings.Cut(p.partial, "\n")
			if !ok {
				return
			}
			p.lines, p.partial = append(p.lines, line), rest
		}
	})
}

// say sends messages in one piece, and does not wait until they are read; nil is
// the end of the client.
func (p *peer) say(list ...attach.Message) {
	p.t.Helper()
	gone := slices.Contains(list, nil)
	var b []byte
	for _, m := range list {
		if m == nil {
			continue
		}
		var err error
		if b, err = attach.Append(b, m); err != nil {
			p.t.Fatal(err)
		}
	}
	go func() {
		// Its end may come before the machine reads it.
		p.run.Input().Write(b)
		if gone {
			p.run.Input().Close()
		}
	}()
}

// await waits until done, and fails if the run is over before that.
func (p *peer) await(what string, done func() bool) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !done() {
		if p.over && !done() {
			p.t.Fatalf("waiting for %s, too long: %v; exit %v, output %q, errors %q, lines %q", what, p.late, p.exit, p.out, p.err, p.lines)
		}
		p.more.Wait()
	}
}

// expect waits for output, and forgets it.
func (p *peer) expect(text string) {
	p.t.Helper()
	p.await(text, func() bool {
		_, rest, ok := strings.Cut(p.out, text)
		if ok {
			p.out = rest
		}
		return ok
	})
}

// stage waits until the machine has come to a stage of its boot.
func (p *peer) stage(name string) {
	p.t.Helper()
	p.await(name, func() bool {
		return slices.ContainsFunc(p.lines, func(l string) bool { return strings.HasPrefix(l, "c2w: boot: "+name) })
	})
}

// ends waits for the end and compares how it came.
func (p *peer) ends(want attach.Exit, line string) {
	p.t.Helper()
	p.await("the end", func() bool { return p.over })
	if p.late || p.exit == nil || *p.exit != want {
		p.t.Errorf("the run ended with %v, want %v; too long: %v, output %q, errors %q, lines %q", p.exit, want, p.late, p.out, p.err, p.lines)
	}
	if line != "" && !slices.ContainsFunc(p.lines, func(l string) bool { return strings.Contains(l, line) }) {
		p.t.Errorf("nothing says %q: %q", line, p.lines)
	}
}
