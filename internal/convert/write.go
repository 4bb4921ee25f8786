package convert

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteFile writes what src writes to the file name, which then is there wholly
// or, on any error, as it was before: the bytes go to a file beside it that is
// renamed at the end.
func WriteFile(ctx context.Context, name string, src io.WriterTo) (err error) {
	if info, serr := os.Stat(name); serr == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("writing %s: it exists and is not a file: choose another name", name)
	}
	var unique [6]byte
	rand.Read(unique[:])
	dir, base := filepath.Split(name)
	beside := filepath.Join(dir, "."+base+"."+hex.EncodeToString(unique[:])+".tmp")
	// Not os.CreateTemp: the result should have the permissions of any file
	// that the user makes.
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing %s: the directory %s does not exist: make it first", name, filepath.Clean(dir))
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, reason(err))
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(beside)
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
		}
	}()
	w := bufio.NewWriterSize(&guarded{ctx, f}, 1<<20)
	if _, err = src.WriteTo(w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Rename(beside, name)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, reason(err))
	}
	return nil
}

// reason strips the path off an error whose message names it already.
func reason(err error) error {
	var pe *os.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		return pe.Err
	case errors.As(err, &le):
		return le.Err
	}
	return err
}

// guarded stops writing when ctx has ended.
type guarded struct {
	ctx context.Context
	w   io.Writer
}

func (g *guarded) Write(p []byte) (int, error) {
	if g.ctx.Err() != nil {
		return 0, context.Cause(g.ctx)
	}
	return g.w.Write(p)
}

// CheckOutput finds out early what would keep WriteFile from writing name.
func CheckOutput(name string) error {
	dir, _ := filepath.Split(name)
	if dir == "" {
		dir = "."
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("writing %s: the directory %s does not exist: make it first", name, filepath.Clean(dir))
	case err != nil:
		return fmt.Errorf("writing %s: %w", name, reason(err))
	case !info.IsDir():
		return fmt.Errorf("writing %s: %s is not a directory", name, filepath.Clean(dir))
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("writing %s: it exists and is not a file: choose another name", name)
	}
	return nil
}
