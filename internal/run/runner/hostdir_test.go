package runner

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	experimentalsys "github.com/tetratelabs/wazero/experimental/sys"
)

// TestHostDir does what wazero's own directories cannot do.
func TestHostDir(t *testing.T) {
	dir := t.TempDir()
	d := newHostDir(Mount{Host: dir, Guest: "/d"})
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	if canSetLinkTimes {
		for _, name := range []string{"link", "file", "sub", "sub/../link"} {
			const at, mt = -1_500_000_000, 1_500_000_000_123_456_789
			before, _ := d.Lstat("file")
			f, errno := d.OpenFile(name, experimentalsys.O_WRONLY, timesOnly)
			if errno != 0 {
				t.Fatal(name, errno)
			}
			if errno := f.Utimens(at, mt); errno != 0 {
				t.Error(name, errno)
			}
			if errno := f.Utimens(at+2, experimentalsys.UTIME_OMIT); errno != 0 {
				t.Error(name, errno)
			}
			if errno := f.Close(); errno != 0 {
				t.Error(name, errno)
			}
			if st, _ := d.Lstat(name); st.Atim != at+2 || st.Mtim != mt {
				t.Errorf("%s: %d, %d", name, st.Atim, st.Mtim)
			}
			if after, _ := d.Lstat("file"); name == "link" && after.Mtim != before.Mtim {
				t.Error("the link was followed")
			}
		}
		if _, errno := d.OpenFile("nothing", experimentalsys.O_WRONLY, timesOnly); errno != experimentalsys.ENOENT {
			t.Error(errno)
		}
	}
	if runtime.GOOS != "windows" {
		if errno := d.Symlink("/nowhere/at all", "absolute"); errno != 0 {
			t.Error(errno)
		}
		if target, errno := d.Readlink("absolute"); errno != 0 || target != "/nowhere/at all" {
			t.Errorf("%q, %v", target, errno)
		}
		// What is made has the mode that the user's own programs give it.
		want, err := os.Create(filepath.Join(dir, "own"))
		if err != nil {
			t.Fatal(err)
		}
		want.Close()
		f, errno := d.OpenFile("made", experimentalsys.O_RDWR|experimentalsys.O_CREAT, 0o600)
		if errno != 0 {
			t.Fatal(errno)
		}
		f.Close()
		if errno := d.Mkdir("madedir", 0o700); errno != 0 {
			t.Fatal(errno)
		}
		own, _ := os.Stat(filepath.Join(dir, "own"))
		made, _ := os.Stat(filepath.Join(dir, "made"))
		madeDir, _ := os.Stat(filepath.Join(dir, "madedir"))
		if made.Mode() != own.Mode() || madeDir.Mode().Perm() != own.Mode().Perm()|own.Mode().Perm()>>2&0o111 {
			t.Errorf("modes %v and %v, want %v's", made.Mode(), madeDir.Mode(), own.Mode())
		}
	}
	ro := newHostDir(Mount{Host: dir, Guest: "/d", ReadOnly: true})
	if _, errno := ro.OpenFile("file", experimentalsys.O_WRONLY, timesOnly); errno == 0 {
		t.Error("times of a read-only directory's file can be set")
	}
	if errno := ro.Symlink("x", "l"); errno == 0 {
		t.Error("a link was made in a read-only directory")
	}
}
