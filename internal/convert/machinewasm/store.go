package machinewasm

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// store keeps built machines as files of their name (see name). A file appears by
// a rename and is read whole, so what has another content than its name says was
// changed from outside, and is removed. What goes wrong is as good as an empty store:
// the machine is built.
type store struct {
	dir string // "" keeps nothing
}

// get returns the machine of that key and its path, or nil.
func (s store) get(key string) ([]byte, string) {
	if s.dir == "" {
		return nil, ""
	}
	list, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, ""
	}
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), key+"-") {
			continue
		}
		path := filepath.Join(s.dir, e.Name())
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if e.Name() != name(key, b) {
			os.Remove(path)
			continue
		}
		now := time.Now()
		os.Chtimes(path, now, now) // for whoever removes what was not used for long
		return b, path
	}
	return nil, ""
}

// put keeps a machine and returns its path, or "".
func (s store) put(key string, module []byte) string {
	if s.dir == "" || os.MkdirAll(s.dir, 0o777) != nil {
		return ""
	}
	f, err := os.CreateTemp(s.dir, ".*.tmp") // as in the other parts of c2w's cache
	if err != nil {
		return ""
	}
	defer os.Remove(f.Name())
	_, err = f.Write(module)
	if e := f.Close(); err == nil {
		err = e
	}
	path := filepath.Join(s.dir, name(key, module))
	if err != nil || os.Rename(f.Name(), path) != nil {
		return ""
	}
	return path
}

// lockInterval is how often a lock that another process has is asked for again.
const lockInterval = 50 * time.Millisecond

// lock waits until no other process builds a machine, or the context ends. It saves work and no more: where files cannot be locked, each builds for
// itself.
func (s store) lock(ctx context.Context) (unlock func()) {
	nothing := func() {}
	if s.dir == "" || os.MkdirAll(s.dir, 0o777) != nil {
		return nothing
	}
	f, err := os.OpenFile(filepath.Join(s.dir, ".lock.tmp"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nothing
	}
	for {
		switch taken, err := tryLock(f); {
		case taken:
			return func() { f.Close() }
		case err != nil:
			f.Close()
			return nothing
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nothing
		case <-time.After(lockInterval):
		}
	}
}
