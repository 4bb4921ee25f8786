package e2e

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What is written to a host's directory: it is there when write(2) returns, in
// whatever order files are opened, changed, looked at and closed.

// onWriters runs a test on the engines that directories are written on.
func onWriters(t *testing.T, test func(t *testing.T, e *engine)) {
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		t.Parallel()
		test(t, e)
	})
}

// appends hung once at the third, when the mode had changed after the first.
const appends = `cd /d && exec 5>>h && echo m1 >&5 && chmod 600 h && echo m2 >&5 && ls -l h | cut -c1-10 && echo m3 >&5 && exec 5>&- && echo end`

func TestWritten(t *testing.T) {
	slow(t)
	file := convert(t, debian(t))
	script, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	onWriters(t, func(t *testing.T, e *engine) {
		host := t.TempDir()
		for _, name := range []string{"h", "plus"} {
			if err := os.WriteFile(filepath.Join(host, name), []byte("host line\n"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		v := sh("python3 /c/written.py /d && " + appends)
		v.file, v.dirs = file, []dir{{host: host, guest: "/d"}, {host: script, guest: "/c", readOnly: true}}
		r := run(t, e, &v, strings.NewReader(""))
		if want := "500 tried\n-rw-------\nend\n"; r.stdout != want || r.status != 0 {
			t.Errorf("stdout %q, want %q; stderr %q, status %d", r.stdout, want, r.stderr, r.status)
		}
		for name, want := range map[string]string{"h": "host line\nm1\nm2\nm3\n", "plus": "host line\nmore\nagain\n", "shrunk": "a"} {
			if got, err := os.ReadFile(filepath.Join(host, name)); string(got) != want {
				t.Errorf("the host has %q in %s, want %q (%v)", got, name, want, err)
			}
		}
		sized, _ := filepath.Glob(filepath.Join(host, "w*.*"))
		for _, name := range sized {
			_, want, _ := strings.Cut(filepath.Base(name), ".")
			if st, err := os.Stat(name); err != nil || fmt.Sprint(st.Size()) != want {
				t.Errorf("the host has %v as %s (%v)", st.Size(), name, err)
			}
		}
		if want := 11 * 4 * 3; len(sized) != want {
			t.Errorf("the host has %d files, want %d", len(sized), want)
		}
	})
}

// TestKilled ends the machine without a word right after a write(2), and while
// a mapping is written to.
func TestKilled(t *testing.T) {
	slow(t)
	file := convert(t, "demo:")
	bin := hunter(t)
	onWriters(t, func(t *testing.T, e *engine) {
		host := t.TempDir()
		v := sh(`cd /d; echo one > log; echo two >> log; echo three >> log; /b/hunt stored /d/mapped`)
		v.file, v.dirs = file, []dir{{host: host, guest: "/d"}, {host: bin, guest: "/b", readOnly: true}}
		k := startTalk(t, e.command(t, &v), false)
		k.expect("stored")
		// A mapping has no moment at which it is written: soon is what is promised.
		for deadline := time.Now().Add(20 * time.Second); ; {
			got, err := os.ReadFile(filepath.Join(host, "mapped"))
			if err == nil && strings.HasPrefix(string(got), "stored into a mapping") {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("what was stored is not on the host: %.40q (%v)", got, err)
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		k.say("go on")
		k.expect("written")
		if err := k.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		k.cmd.Wait()
		for name, want := range map[string]string{"log": "one\ntwo\nthree\n", "mapped.log": "written\n"} {
			if got, err := os.ReadFile(filepath.Join(host, name)); string(got) != want {
				t.Errorf("the host has %q in %s, want %q (%v)", got, name, want, err)
			}
		}
	})
}

// huntFor makes the command for linux and arch, once, and returns its directory.
func huntFor(arch string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		dir := shared("hunt-" + arch)
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "hunt"), "./guest/testdata/hunt")
		cmd.Dir = filepath.Join("..", "..")
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building hunt: %w\n%s", err, out)
		}
		return dir, nil
	})
}

var huntForGuest = huntFor("riscv64")

// hunter returns a directory with the guest program hunt.
func hunter(t *testing.T) string {
	t.Helper()
	dir, err := huntForGuest()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// huntSeeds of the sequences: C2W_HUNT_SEEDS, separated by commas, "random" for
// one of the moment's; or two that are the same for everybody.
func huntSeeds(t *testing.T) (seeds []int64) {
	t.Helper()
	list := os.Getenv("C2W_HUNT_SEEDS")
	if list == "" {
		return []int64{1, 37}
	}
	for s := range strings.SplitSeq(list, ",") {
		if s == "random" {
			seeds = append(seeds, time.Now().UnixNano()%1_000_000)
			continue
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, n)
	}
	return seeds
}

// huntSteps of each sequence: C2W_HUNT_STEPS.
func huntSteps(t *testing.T) string {
	if s := os.Getenv("C2W_HUNT_STEPS"); s != "" {
		return s
	}
	return "2000"
}

// TestHunt compares a long random sequence of what several processes do in a
// directory of the host, and the host too, with the same in the guest's memory.
func TestHunt(t *testing.T) {
	slow(t)
	file := convert(t, "demo:")
	bin := hunter(t)
	for _, seed := range huntSeeds(t) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			onWriters(t, func(t *testing.T, e *engine) {
				host := t.TempDir()
				v := args("/b/hunt", "/d", "/dev/shm/model", fmt.Sprint(seed), huntSteps(t), "host").with()
				v.file, v.dirs = file, []dir{{host: host, guest: "/d"}, {host: bin, guest: "/b", readOnly: true}}
				serveHunt(t, e.command(t, &v), host)
			})
		})
	}
}

// TestStorm has several processes write one file at the same time.
func TestStorm(t *testing.T) {
	slow(t)
	file := convert(t, "demo:")
	bin := hunter(t)
	seed := huntSeeds(t)[0]
	onWriters(t, func(t *testing.T, e *engine) {
		host := t.TempDir()
		v := args("/b/hunt", "storm", "/d", fmt.Sprint(seed), "300").with()
		v.file, v.dirs = file, []dir{{host: host, guest: "/d"}, {host: bin, guest: "/b", readOnly: true}}
		serveHunt(t, e.command(t, &v), host)
	})
}

// serveHunt is the host's part of a hunt in the directory dir.
func serveHunt(t *testing.T, cmd *exec.Cmd, dir string) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done, asked := false, 0
	var told strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "host":
			asked++
			fmt.Fprintln(in, hostDoes(t, dir, rest))
		case "file":
			name, want, _ := strings.Cut(rest, " ")
			b, err := os.ReadFile(filepath.Join(dir, name))
			if got := hashOf(b); got != want || err != nil {
				t.Errorf("the host has %s as %s, want %s (%v)", name, got, want, err)
			}
		case "done":
			done = true
		default:
			fmt.Fprintln(&told, line)
		}
	}
	in.Close()
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil || !done {
		t.Errorf("after %d questions: %v\n%s%s", asked, err, told.String(), stderr.String())
	}
}

func hashOf(b []byte) string { return fmt.Sprintf("%d %x", len(b), sha256.Sum256(b)) }

// hostDoes what a hunt asks of the host, and returns the answer.
func hostDoes(t *testing.T, dir, what string) string {
	word, rest, _ := strings.Cut(what, " ")
	name, text, _ := strings.Cut(rest, " ")
	path := filepath.Join(dir, name)
	switch word {
	case "hash":
		b, err := os.ReadFile(path)
		if err != nil {
			return "none"
		}
		return hashOf(b)
	case "append":
		text, err := strconv.Unquote(text)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Error(err)
			return "no"
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Error(err)
		}
		return "yes"
	}
	t.Fatalf("the hunt asks for %q", what)
	return ""
}
