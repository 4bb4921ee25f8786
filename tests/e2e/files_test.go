package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// shared directories: what a program does to a directory of the host.

// hostDir makes a directory with a few files. Its guest path is the host's
// where the engine has no other.
func hostDir(t *testing.T, e *engine, guest string) dir {
	t.Helper()
	host := filepath.Join(t.TempDir(), "a directory")
	if err := os.MkdirAll(filepath.Join(host, "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"in.txt": "of the host\n", "sub/é 漢.txt": "deep\n", "empty": ""} {
		if err := os.WriteFile(filepath.Join(host, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	d := dir{host: host, guest: guest}
	if e.samePath {
		d.guest = host
	}
	return d
}

// fileCase is a script that runs with a directory of the host as its own.
type fileCase struct {
	name   string
	script string
	want   string
	stderr string
	basic  bool
	// after checks what the host then finds.
	after map[string]string
	// absent may not be there.
	absent   []string
	readOnly bool
}

var fileCases = []fileCase{
	{name: "read", script: `cat in.txt sub/*; ls; wc -c <empty`, want: "of the host\ndeep\nempty\nin.txt\nsub\n0\n", basic: true},
	{name: "write", script: `cp in.txt out.txt; echo more >> out.txt; mkdir -p x/y; echo deep > x/y/z; printf '\000\377' > "odd name é"`,
		after: map[string]string{"out.txt": "of the host\nmore\n", "x/y/z": "deep\n", "odd name é": "\x00\xff"}, basic: true},
	{name: "truncate", script: `cp in.txt t; truncate -s 3 t; cat t; echo; : > t; wc -c <t; truncate -s 5 t; od -An -c t`, want: "of \n0\n  \\0  \\0  \\0  \\0  \\0\n", after: map[string]string{"t": "\x00\x00\x00\x00\x00"}},
	{name: "rename", script: `echo new > n; echo old > o; mv n o; cat o; mkdir d; mv o d/p; mv d e; cat e/p`, want: "new\nnew\n", after: map[string]string{"e/p": "new\n"}, absent: []string{"n", "o", "d"}},
	{name: "remove", script: `rm in.txt; rm -r sub; rm nosuch; rmdir .. ; ls`, want: "empty\n", stderr: `(?s)nosuch.*No such file.*`, absent: []string{"in.txt", "sub"}},
	{name: "open while it goes", script: `echo kept > k; exec 3<k; rm k; cat <&3; echo one > o; exec 4<o; echo two > n; mv n o; cat <&4; cat o`, want: "kept\none\ntwo\n", absent: []string{"k", "n"}},
	{name: "a renamed parent", script: `mkdir p; cd p; exec 3>f; mv ../p ../q; echo here >&3; cat f; pwd -P | sed 's/.*\///'; cd ..; cat q/f`, want: "here\nq\nhere\n", after: map[string]string{"q/f": "here\n"}},
	{name: "symbolic links", script: `ln -s in.txt l; cat l; readlink l; echo through >> l; rm l; cat in.txt`, want: "of the host\nin.txt\nof the host\nthrough\n"},
	{name: "modes", script: `echo '#!/bin/sh
echo ran' > s; chmod 750 s; ./s; stat -c %a s; mkdir -m 700 d; stat -c %a d; chown 7:8 s; stat -c %u:%g s`, want: "ran\n750\n700\n7:8\n"},
	{name: "times", script: `touch -d '2001-02-03 04:05:06' t; stat -c %Y t`, want: "981173106\n"},
	{name: "inode numbers", script: `a=$(stat -c %i in.txt); mv in.txt moved; test $a = $(stat -c %i moved) && test $a != $(stat -c %i empty) && echo same`, want: "same\n"},
	{name: "many", script: `mkdir m; cd m; for i in $(seq 500); do : > $i; done; ls | wc -l; rm $(seq 1 2 499); ls | wc -l`, want: "500\n250\n"},
	{name: "sparse", script: `dd if=/dev/zero of=s bs=1 count=1 seek=10000000 2>/dev/null; wc -c <s`, want: "10000001\n"},
	{name: "read-only", script: `cat in.txt; echo x > new; rm in.txt; mkdir d; echo x >> in.txt`, want: "of the host\n", readOnly: true,
		stderr: `^(.*Read-only file system\n){4}$`, after: map[string]string{"in.txt": "of the host\n"}, absent: []string{"new", "d"}},
}

func TestFiles(t *testing.T) {
	slow(t)
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.noDirs != "" {
			t.Skip(e.noDirs)
		}
		file := convert(t, "demo:")
		for _, c := range fileCases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				if e.basic && !c.basic {
					t.Skip("not on slow engines")
				}
				c.on(t, e, file)
			})
		}
	})
}

func (c *fileCase) on(t *testing.T, e *engine, file string) {
	d := hostDir(t, e, "/data")
	d.readOnly = c.readOnly
	v := sh(`cd "$1"; `+c.script, d.guest)
	v.file, v.dirs = file, []dir{d}
	r := run(t, e, &v, strings.NewReader(""))
	if r.stdout != c.want {
		t.Errorf("output %q, want %q; status %d", r.stdout, c.want, r.status)
	}
	r.checkStderr(t, e, 0, c.stderr)
	for name, want := range c.after {
		if got, err := os.ReadFile(filepath.Join(d.host, name)); string(got) != want {
			t.Errorf("the host has %q in %s, want %q (%v)", got, name, want, err)
		}
	}
	for _, name := range c.absent {
		if _, err := os.Lstat(filepath.Join(d.host, name)); err == nil {
			t.Errorf("the host still has %s", name)
		}
	}
}

// TestDirectories hands over several at once, one below another.
func TestDirectories(t *testing.T) {
	slow(t)
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		one, two, three := hostDir(t, e, "/one"), hostDir(t, e, "/one/sub"), hostDir(t, e, "/not/there yet")
		three.readOnly = true
		v := sh(`echo 1 > /one/new; echo 2 > /one/sub/new; cd '/not/there yet' && cat in.txt; touch new 2>/dev/null || echo refused; echo over > /one/moved; mv /one/moved /one/sub/moved && cat /one/sub/moved`)
		v.file, v.dirs = convert(t, "demo:"), []dir{one, two, three}
		r := run(t, e, &v, strings.NewReader(""))
		if want := "of the host\nrefused\nover\n"; r.stdout != want || r.stderr != "" || r.status != 0 {
			t.Errorf("status %d, stdout %q, want %q; stderr %q", r.status, r.stdout, want, r.stderr)
		}
		for d, want := range map[dir]string{one: "1\n", two: "2\n"} {
			if got, _ := os.ReadFile(filepath.Join(d.host, "new")); string(got) != want {
				t.Errorf("%s has %q, want %q", d.guest, got, want)
			}
		}
	})
}

// TestOutside looks for ways out of a handed-over directory.
func TestOutside(t *testing.T) {
	slow(t)
	if runtime.GOOS == "windows" {
		t.Skip("makes symbolic links")
	}
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		d := hostDir(t, e, "/data")
		secret := filepath.Join(filepath.Dir(d.host), "secret")
		if err := os.WriteFile(secret, []byte("hidden words\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		for name, target := range map[string]string{"up": "../secret", "absolute": secret, "parent": "..", "root": "/"} {
			if err := os.Symlink(target, filepath.Join(d.host, name)); err != nil {
				t.Fatal(err)
			}
		}
		// In the container the links lead to places of its own: writing to one
		// makes /secret there.
		v := sh(`cd /data; cat ../secret up absolute parent/secret sub/../../secret; echo x > up; echo x > absolute; ls root; echo x > parent/planted; echo done`)
		v.file, v.dirs = convert(t, "demo:"), []dir{d}
		r := run(t, e, &v, strings.NewReader(""))
		if strings.Contains(r.stdout, "hidden") || !strings.HasSuffix(r.stdout, "done\n") {
			t.Errorf("stdout %q, stderr %q, status %d", r.stdout, r.stderr, r.status)
		}
		if got, _ := os.ReadFile(secret); string(got) != "hidden words\n" {
			t.Errorf("the file outside is %q now", got)
		}
		if _, err := os.Lstat(filepath.Join(filepath.Dir(d.host), "planted")); err == nil {
			t.Error("a file was planted outside")
		}
	})
}

// TestLargeFile copies a file into the container and out again.
func TestLargeFile(t *testing.T) {
	slow(t)
	const size = 20_000_000
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		d := hostDir(t, e, "/data")
		content, err := io.ReadAll(io.LimitReader(noise(), size))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.host, "large"), content, 0o666); err != nil {
			t.Fatal(err)
		}
		v := sh(`cp /data/large /tmp/large && cp /tmp/large /data/copy && cmp /data/large /data/copy && echo equal`)
		v.file, v.dirs = convert(t, "demo:"), []dir{d}
		r := run(t, e, &v, strings.NewReader(""))
		if r.stdout != "equal\n" || r.stderr != "" || r.status != 0 {
			t.Errorf("status %d, stdout %q, stderr %q", r.status, r.stdout, r.stderr)
		}
		got, err := os.ReadFile(filepath.Join(d.host, "copy"))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("the copy has %d bytes of hash %x, not %d of %x (%v)", len(got), sha256.Sum256(got), len(content), sha256.Sum256(content), err)
		}
	})
}

// TestLargeDirectory lists more names than fit into a few messages.
func TestLargeDirectory(t *testing.T) {
	slow(t)
	const n = 20_000
	names := filepath.Join(shared("names"), "d")
	if err := os.MkdirAll(names, 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(names, fmt.Sprintf("name-%06d", i)), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		v := sh(`ls /data | sort -u | wc -l; ls /data | tail -n 1`)
		v.file, v.dirs = convert(t, "demo:"), []dir{{host: names, guest: "/data"}}
		r := run(t, e, &v, strings.NewReader(""))
		if want := fmt.Sprintf("%d\nname-%06d\n", n, n-1); r.stdout != want || r.stderr != "" {
			t.Errorf("stdout %q, want %q; stderr %q", r.stdout, want, clip(r.stderr))
		}
	})
}
