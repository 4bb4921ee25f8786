//go:build linux || darwin

package e2e

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// user sits at a terminal that c2w run has. What is typed depends on what is
// shown.
type user struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	tty    *os.File
	before *term.State
	shown  chan []byte
	text   []byte // not yet expected
	ended  chan struct{}
}

// maxWait bounds the time between a key and its effect: many times what the
// slowest engine takes.
const maxWait = 2 * time.Minute

// sit starts the c2w command that [convert] has built.
func sit(t *testing.T, rows, cols uint16, arg ...string) *user {
	t.Helper()
	blocking, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	// Only a file that Go polls can be closed while it is read.
	fd, err := syscall.Dup(int(blocking.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	master := os.NewFile(uintptr(fd), "terminal")
	blocking.Close()
	u := &user{t: t, cmd: exec.CommandContext(t.Context(), shared("c2w"+exe()), arg...), master: master, tty: tty, shown: make(chan []byte, 64), ended: make(chan struct{})}
	t.Cleanup(func() { master.Close(); tty.Close() })
	u.resize(rows, cols)
	u.before = u.modes()
	u.cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+shared("cache"), "TERM=xterm")
	u.cmd.Stdin, u.cmd.Stdout, u.cmd.Stderr = tty, tty, tty
	u.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			buf := make([]byte, 16<<10)
			n, err := master.Read(buf)
			select {
			case u.shown <- buf[:n]:
			case <-t.Context().Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		u.cmd.Wait()
		close(u.ended)
	}()
	return u
}

func (u *user) resize(rows, cols uint16) {
	u.t.Helper()
	if err := pty.Setsize(u.tty, &pty.Winsize{Rows: rows, Cols: cols}); err != nil {
		u.t.Fatal(err)
	}
}

func (u *user) modes() *term.State {
	u.t.Helper()
	state, err := term.GetState(int(u.tty.Fd()))
	if err != nil {
		u.t.Fatal(err)
	}
	return state
}

func (u *user) keys(text string) {
	u.t.Helper()
	if _, err := io.WriteString(u.master, text); err != nil {
		u.t.Fatal(err)
	}
}

// sequence is a terminal's escape sequence, or one that has only begun.
var sequence = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|[()][0-9A-Za-z]|[0-9=>A-Za-z])|\x1b$")

// expect waits until text, of which escape sequences are no part, is shown, and
// forgets what was shown up to its end.
func (u *user) expect(text string) {
	u.t.Helper()
	late := time.NewTimer(maxWait)
	defer late.Stop()
	for {
		plain := sequence.ReplaceAll(u.text, nil)
		if i := bytes.Index(plain, []byte(text)); i >= 0 {
			u.text = bytes.Clone(plain[i+len(text):])
			return
		}
		select {
		case more := <-u.shown:
			u.text = append(u.text, more...)
		case <-u.ended:
			if len(u.shown) == 0 {
				u.t.Fatalf("c2w ended with %v without showing %q; last it showed %q", u.cmd.ProcessState, text, u.text)
			}
		case <-late.C:
			u.t.Fatalf("waiting for %q; it showed %q", text, u.text)
		}
	}
}

// ends waits for the end and wants a status, and the terminal as it was.
func (u *user) ends(status int) {
	u.t.Helper()
	<-u.ended
	if got := u.cmd.ProcessState.ExitCode(); got != status {
		u.t.Errorf("ended with %v, want %d; it showed %q", u.cmd.ProcessState, status, u.text)
	}
	if now := u.modes(); *now != *u.before {
		u.t.Error("the terminal was left in another state")
	}
}

// onRunEngines runs a test with c2w run on each engine that is there. first are
// its arguments.
func onRunEngines(t *testing.T, test func(t *testing.T, first []string)) {
	for _, name := range behindEngines {
		t.Run("c2w "+name, func(t *testing.T) {
			first := []string{"run"}
			if name != "" {
				if _, err := exec.LookPath(name); err != nil {
					missing(t, name)
				}
				first = append(first, "--engine", name)
			}
			test(t, first)
		})
	}
}

// prompt is bash's in these tests: it is shown in no other way.
const prompt = "ready$ "

// shell starts bash in a terminal of 30 rows.
func shell(t *testing.T, first []string) *user {
	t.Helper()
	u := sit(t, 30, 100, append(first, "-e", "PS1="+prompt, "-e", "TERM=xterm", convert(t, debian(t)), "bash", "--norc")...)
	u.expect(prompt)
	return u
}

// say types a line at the prompt, and expects what is shown and the next
// prompt.
func (u *user) say(line, shows string) {
	u.t.Helper()
	u.keys(line + "\r")
	u.expect("\n") // the line's echo
	u.expect(shows)
	u.expect(prompt)
}

// TestJobControl is a session with the keys that a terminal acts on.
func TestJobControl(t *testing.T) {
	slow(t)
	onRunEngines(t, func(t *testing.T, first []string) {
		u := shell(t, first)
		u.say("stty size", "30 100")
		u.say("tty; test -t 0 && test -t 1 && test -t 2 && echo three", "three")
		u.resize(41, 123)
		u.say(`until [ "$(stty size)" = "41 123" ]; do :; done; echo its" "size`, "its size")
		u.keys("sleep 1000\r")
		u.expect("sleep 1000")
		u.keys("\x03")
		u.expect(prompt)
		u.say("echo status $?", "status 130")
		u.keys("sleep 1000\r")
		u.expect("sleep 1000")
		u.keys("\x1a")
		u.expect("Stopped")
		u.expect(prompt)
		u.say("jobs", "Stopped")
		u.keys("fg\r")
		u.expect("sleep 1000")
		u.keys("\x1c")
		u.expect("Quit")
		u.expect(prompt)
		u.keys("echo now; cat\r")
		u.expect("\rnow\r\n") // the terminal is no more the line editor's
		u.keys("caught\r")
		u.expect("caught\r\ncaught")
		u.keys("\x04")
		u.expect(prompt)
		u.keys("stty raw -echo; echo now; head -c 6 | od -An -tx1; stty sane\r")
		u.expect("\rnow\n") // nor the kernel's
		u.keys("\x00\x03\x04\x1a\xff\x11")
		u.expect("00 03 04 1a ff 11")
		u.expect(prompt)
		u.keys("exit 201\r")
		u.ends(201)
	})
}

// TestFullScreen uses the programs that fill a terminal.
func TestFullScreen(t *testing.T) {
	slow(t)
	onRunEngines(t, func(t *testing.T, first []string) {
		u := shell(t, first)

		u.keys("vim.tiny /tmp/note\r")
		u.expect("[New]")
		u.keys("ihello, world\x1b")
		u.keys(":set lines?\r")
		u.expect("lines=30")
		u.keys(":set columns?\r")
		u.expect("columns=100")
		u.resize(20, 80)
		u.expect("hello, world") // it is drawn anew
		u.keys("yyp:set lines?\r")
		u.expect("lines=20")
		u.keys(":wq\r")
		u.expect("written")
		u.expect(prompt)
		u.say("cat /tmp/note", "hello, world\r\nhello, world")

		u.say("seq 1 1000 > /tmp/numbers", "")
		u.keys("less /tmp/numbers\r")
		u.expect("\r\n18\r\n19\r\n") // 20 rows, one of them the name
		u.expect("/tmp/numbers")
		u.keys(" ")
		u.expect("\r\n38\r\n")
		u.keys("G")
		u.expect("1000\r\n")
		u.expect("(END)")
		u.keys("q")
		u.expect(prompt)

		u.keys("top\r")
		u.expect("top - ")
		u.expect("COMMAND")
		u.expect("bash")
		u.keys("q")
		u.expect(prompt)
		u.keys("exit\r")
		u.ends(0)
	})
}

// TestHangup closes the terminal: the container gets its signal, and c2w ends.
func TestHangup(t *testing.T) {
	slow(t)
	onRunEngines(t, func(t *testing.T, first []string) {
		u := shell(t, first)
		u.tty.Close()
		u.master.Close()
		late := time.NewTimer(maxWait)
		defer late.Stop()
		select {
		case <-u.ended:
		case <-late.C:
			t.Fatal("c2w outlives its terminal")
		}
		if got := u.cmd.ProcessState.ExitCode(); got != 129 {
			t.Errorf("ended with %v", u.cmd.ProcessState)
		}
	})
}
