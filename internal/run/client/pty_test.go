//go:build linux || darwin

package client

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/c2w/c2w/internal/format/attach"
)

// childVariable makes this program the client of a fake machine, as what its
// value says, on its own standard streams.
const childVariable = "C2W_TEST_CLIENT"

func TestMain(m *testing.M) {
	if kind := os.Getenv(childVariable); kind != "" {
		os.Exit(child(kind))
	}
	// Under nohup the client would leave SIGHUP alone, as it should. What is
	// caught here is not ignored in children.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

func child(kind string) int {
	o := Options{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Terminal: kind != "plain" && kind != "flood", Signals: CatchSignals()}
	status, err := Run(o, machine(nil, func(m *fake) (int, error) {
		switch kind {
		case "panic":
			m.next()
			m.send(attach.Welcome{Version: 1, Terminal: true, StopSignal: 15}, attach.Window{Bytes: 1})
			m.next()
			defer func() { recover() }() // the client's guard has let it through
			outputOf{m.out.(outputOf).c}.c.background(func() { panic("BUG: on purpose") })
			select {}
		case "flood":
			m.next()
			m.send(attach.Welcome{Version: 1, StopSignal: 15})
			for m.send(attach.Stdout{Data: bytes.Repeat([]byte("y\n"), 1000)}) == nil {
			}
			select {}
		case "wait":
			m.next()
			fmt.Println("waiting")
			return tell(m)
		}
		m.next()
		m.send(attach.Welcome{Version: 1, Terminal: kind != "plain", StopSignal: 15}, attach.Window{Bytes: 1000})
		m.send(attach.Stdout{Data: []byte("ready\n")})
		return tell(m)
	}))
	if err != nil {
		fmt.Println("error:", err)
		return 125
	}
	return status
}

// tell prints what the client sends, one line each. A q at the end of input ends
// the run.
func tell(m *fake) (int, error) {
	for {
		message := m.next()
		if message == nil {
			return 0, nil
		}
		if s, ok := message.(attach.Stdin); ok {
			if bytes.HasSuffix(s.Data, []byte("q")) {
				m.send(attach.Text{Line: "going"}, attach.Exit{Status: 42})
				return 0, nil
			}
			m.send(attach.Stdout{Data: fmt.Appendf(nil, "key %q\r\n", s.Data)})
			continue
		}
		line := fmt.Appendf(nil, "%T %v\r\n", message, message)
		if m.send(attach.Stdout{Data: line}) != nil {
			return 0, nil
		}
	}
}

// session is the test program as a client at a pseudo-terminal.
type session struct {
	t    *testing.T
	cmd  *exec.Cmd
	pty  *os.File // the user's side
	tty  *os.File // the terminal, held open to look at its modes
	out  *bufio.Reader
	done chan error
	// before is how the terminal was when the program started.
	before *term.State
}

func start(t *testing.T, kind string) *session {
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); tty.Close() })
	if err := pty.Setsize(master, &pty.Winsize{Rows: 33, Cols: 111}); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, cmd: exec.Command(exe), pty: master, tty: tty, out: bufio.NewReader(master), done: make(chan error, 1)}
	s.before = s.modes()
	s.cmd.Env = append(os.Environ(), childVariable+"="+kind)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = tty, tty, tty
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	stuck := time.AfterFunc(time.Minute, func() { s.cmd.Process.Kill(); master.Close() })
	t.Cleanup(func() { stuck.Stop() })
	return s
}

// expect reads up to a line that contains text.
func (s *session) expect(text string) string {
	s.t.Helper()
	var all strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		all.WriteString(line)
		if strings.Contains(line, text) {
			return line
		}
		if err != nil {
			s.t.Fatalf("no %q in %q: %v", text, all.String(), err)
		}
	}
}

func (s *session) keys(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.pty, text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the end and wants a status and the terminal as it was.
func (s *session) ends(status int) {
	s.t.Helper()
	<-s.done
	if got := s.cmd.ProcessState.ExitCode(); got != status {
		s.t.Errorf("ended with %v, want %d", s.cmd.ProcessState, status)
	}
	if now := s.modes(); *now != *s.before {
		s.t.Errorf("the terminal was left in another state: %v, was %v", now, s.before)
	}
}

func (s *session) modes() *term.State {
	s.t.Helper()
	state, err := term.GetState(int(s.tty.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

func TestTerminal(t *testing.T) {
	s := start(t, "tty")
	s.expect("ready")
	if *s.modes() == *s.before {
		t.Error("the terminal is not raw")
	}
	// Every key is the container's.
	s.keys("\x03\x1a\x04\x1c\x10\x11\r")
	s.expect(`key "\x03\x1a\x04\x1c\x10\x11\r"`)
	if err := pty.Setsize(s.pty, &pty.Winsize{Rows: 50, Cols: 132}); err != nil {
		t.Fatal(err)
	}
	s.expect("attach.Resize {50 132}")
	for sig, line := range map[syscall.Signal]string{
		syscall.SIGTERM: "attach.Signal {15}", syscall.SIGUSR1: "attach.Signal {10}",
		syscall.SIGUSR2: "attach.Signal {12}", syscall.SIGCONT: "attach.Signal {18}",
	} {
		s.signal(sig)
		s.expect(line)
	}
	s.keys("q")
	if line := s.expect("c2w: going"); !strings.HasSuffix(line, "\r\n") {
		t.Errorf("%q", line)
	}
	s.ends(42)
}

// TestTerminalForced ends by force what does not end.
func TestTerminalForced(t *testing.T) {
	s := start(t, "tty")
	s.expect("ready")
	s.signal(syscall.SIGTERM)
	s.expect("attach.Signal {15}")
	s.signal(syscall.SIGQUIT)
	s.expect("c2w: SIGQUIT came again and ended the run by force")
	s.ends(128 + 3)
}

// TestTerminalPanic wants even our own bugs to leave a usable terminal.
func TestTerminalPanic(t *testing.T) {
	s := start(t, "panic")
	s.keys("x")
	s.expect("BUG: on purpose")
	go io.Copy(io.Discard, s.out)
	s.ends(2)
}

// TestTerminalBefore wants Ctrl-C to be a signal as long as the container has
// not taken over.
func TestTerminalBefore(t *testing.T) {
	s := start(t, "wait")
	s.expect("waiting")
	s.keys("\x03")
	s.expect("c2w: SIGINT ended the run before its program began")
	s.ends(128 + 2)
}

// TestTerminalHangup closes the user's window.
func TestTerminalHangup(t *testing.T) {
	s := start(t, "tty")
	s.expect("ready")
	s.signal(syscall.SIGHUP)
	s.expect("attach.CloseOutput {1}")
	s.expect("attach.Stop {10000}")
	s.keys("q")
	s.expect("going")
	<-s.done
}

// TestPipes wants a client without a terminal to pass on what Ctrl-C sends, and
// to outlive the reader of its output.
func TestPipes(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVariable+"=plain")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	stuck := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	out := bufio.NewReader(r)
	out.ReadString('\n')
	for sig, want := range map[syscall.Signal]string{syscall.SIGINT: "attach.Signal {2}\r\n", syscall.SIGHUP: "attach.Signal {1}\r\n"} {
		cmd.Process.Signal(sig)
		if line, err := out.ReadString('\n'); line != want {
			t.Errorf("%v: %q, %v", sig, line, err)
		}
	}
	r.Close()
	io.WriteString(stdin, "x") // is answered
	io.WriteString(stdin, "q")
	stdin.Close()
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 42 {
		t.Errorf("ended with %v", cmd.ProcessState)
	}
}

// TestUnread ends by force a run whose output, lines of its own included, nobody
// reads.
func TestUnread(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVariable+"=flood")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	stuck := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil { // and no more
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	// Signals of one kind that come together count once.
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		cmd.Process.Signal(sig)
	}
	<-ended
	if got := cmd.ProcessState.ExitCode(); got != 128+1 && got != 128+15 {
		t.Errorf("ended with %v", cmd.ProcessState)
	}
}
