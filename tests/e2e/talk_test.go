package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

func sha256Hex(n int, word string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Repeat(word, n))))
}

// talk is a conversation with a program under way: what is typed depends on
// what it has shown.
type talk struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.Writer
	close func() error // ends the input

	mu   sync.Mutex
	more *sync.Cond
	text bytes.Buffer // not yet expected
	all  bytes.Buffer
	done bool
}

// startTalk starts the command. With a terminal its three streams are one.
func startTalk(t *testing.T, cmd *exec.Cmd, terminal bool) *talk {
	t.Helper()
	k := &talk{t: t, cmd: cmd}
	k.more = sync.NewCond(&k.mu)
	var out io.Reader
	if terminal {
		master, slave := openTerminal(t)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
		k.in, out, k.close = master, master, master.Close
		defer slave.Close()
	} else {
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdout, cmd.Stderr = w, w
		k.in, k.close, out = in, in.Close, r
		defer w.Close()
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := out.Read(buf)
			k.mu.Lock()
			k.text.Write(buf[:n])
			k.all.Write(buf[:n])
			k.done = err != nil
			k.more.Broadcast()
			k.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return k
}

// expect waits until the program has shown text, and forgets what was shown up
// to its end.
func (k *talk) expect(text string) {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		if i := bytes.Index(k.text.Bytes(), []byte(text)); i >= 0 {
			k.text.Next(i + len(text))
			return
		}
		if k.done {
			k.t.Fatalf("the program ended without showing %q; all that it showed: %q", text, k.all.String())
		}
		k.more.Wait()
	}
}

func (k *talk) say(line string) {
	k.t.Helper()
	if _, err := io.WriteString(k.in, line+"\n"); err != nil {
		k.t.Fatal(err)
	}
}

// end waits for the program's end.
func (k *talk) end(status int) {
	k.t.Helper()
	if got := exitStatus(k.t, k.cmd.Wait()); got != status {
		k.t.Errorf("status %d, want %d; it showed %q", got, status, k.all.String())
	}
	k.close()
}

// converse is a short session with a shell.
func converse(k *talk, prompt string) {
	k.t.Helper()
	k.expect(prompt)
	k.say("echo $((6 * 7))")
	k.expect("42")
	k.expect(prompt)
	k.say("cd /etc; x=$(pwd)")
	k.expect(prompt)
	k.say(`printf "%s|%s\n" "$x" "é"`)
	k.expect("/etc|é")
	k.expect(prompt)
	k.say("exit 5")
	k.end(5)
}

func TestInteractive(t *testing.T) {
	slow(t)
	images := []struct{ name, ref, prompt string }{{"demo", "demo:", "# "}, {"debian", debian(t), "# "}}
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		for _, i := range images {
			file := convert(t, i.ref)
			v := &invocation{file: file, args: []string{"sh", "-i"}}
			t.Run(i.name+" by pipe", func(t *testing.T) { converse(startTalk(t, e.command(t, v), false), i.prompt) })
			t.Run(i.name+" by terminal", func(t *testing.T) { converse(startTalk(t, e.command(t, v), true), i.prompt) })
		}
	})
}
