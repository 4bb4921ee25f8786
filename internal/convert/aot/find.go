package aot

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
)

// Program is a file that may hold code: the kernel, or one of an image.
type Program struct {
	Name string // as people should see it
	Size int64  // in bytes
	// Open returns the content from its beginning; it is called from several
	// goroutines.
	Open func() io.Reader
}

// BytesProgram is a program in memory.
func BytesProgram(name string, b []byte) Program {
	return Program{Name: name, Size: int64(len(b)), Open: func() io.Reader { return bytes.NewReader(b) }}
}

// Place is where a page of code lies.
type Place struct {
	Program string
	Offset  int64 // in the program's file, in bytes
}

// Index knows the contents of all pages of programs by their hashes. Files are
// mapped into memory by whole pages, the last one filled up with zeros, so code
// is found again in a guest by the content of its page.
type Index struct {
	programs []Program
	hashes   [][]uint64 // by program and page
}

// NewIndex reads the programs once.
func NewIndex(programs []Program) (*Index, error) {
	x := &Index{programs: programs, hashes: make([][]uint64, len(programs))}
	err := parallel(len(programs), func(i int) error {
		p := &programs[i]
		hashes := make([]uint64, 0, (p.Size+core.PageMask)/core.PageSize)
		err := p.pages(func(_ int64, page, _ []byte) error {
			hashes = append(hashes, engine.PageKey(page, 0).Content)
			return nil
		})
		x.hashes[i] = hashes
		return err
	})
	return x, err
}

// pages calls do with each page and what lies behind it, at most tailMax bytes;
// the slices are do's until it returns.
func (p *Program) pages(do func(off int64, page, tail []byte) error) error {
	const size = 64 * core.PageSize
	r := p.Open()
	buf := make([]byte, size+tailMax)
	ahead := 0 // bytes of buf that were read with the pages before
	for off := int64(0); off < p.Size; {
		n, err := io.ReadFull(r, buf[ahead:min(int64(len(buf)), p.Size-off)])
		if err != nil {
			return fmt.Errorf("reading %s: %w", p.Name, err)
		}
		n += ahead
		clear(buf[n:])
		last := min(n, size)
		for at := 0; at < last; at += core.PageSize {
			end := at + core.PageSize
			if err := do(off+int64(at), buf[at:end:end], buf[min(end, n):min(end+tailMax, n)]); err != nil {
				return err
			}
		}
		ahead = copy(buf, buf[last:n])
		off += int64(last)
	}
	return nil
}

// tailMax is how much of an instruction may lie in the page behind.
const tailMax = core.MaxInsn - 1

// Contents are the hashes of all pages.
func (x *Index) Contents() map[uint64]bool {
	m := map[uint64]bool{}
	for _, hashes := range x.hashes {
		for _, h := range hashes {
			m[h] = true
		}
	}
	return m
}

// Found is a content that a profile wants, and its first place.
type Found struct {
	Place
	// Code is the page and the first bytes of the one behind, as far as the program
	// has them: the end of an instruction may lie there.
	Code []byte
	around
}

// around is where a page lies among the contents of its program.
type around struct {
	hashes []uint64
	page   int
}

// near is the content of the page that lies so many pages further.
func (a around) near(pages int) (content uint64, ok bool) {
	if at := a.page + pages; at >= 0 && at < len(a.hashes) {
		return a.hashes[at], true
	}
	return 0, false
}

// Find returns those of the contents that the programs have, by hash.
func (x *Index) Find(contents map[uint64]bool) (map[uint64]Found, error) {
	first := map[uint64]Place{}
	wanted := make([]map[int64]uint64, len(x.programs)) // by program: offset → hash
	for i, hashes := range x.hashes {
		for k, h := range hashes {
			if _, seen := first[h]; seen || !contents[h] {
				continue
			}
			off := int64(k) * core.PageSize
			first[h] = Place{x.programs[i].Name, off}
			if wanted[i] == nil {
				wanted[i] = map[int64]uint64{}
			}
			wanted[i][off] = h
		}
	}
	found := make(map[uint64]Found, len(first))
	var mu sync.Mutex
	err := parallel(len(x.programs), func(i int) error {
		left := len(wanted[i])
		if left == 0 {
			return nil
		}
		err := x.programs[i].pages(func(off int64, page, tail []byte) error {
			h, ok := wanted[i][off]
			if !ok {
				return nil
			}
			mu.Lock()
			found[h] = Found{first[h], slices.Concat(page, tail), around{x.hashes[i], int(off / core.PageSize)}}
			mu.Unlock()
			if left--; left == 0 {
				return io.EOF
			}
			return nil
		})
		if err == io.EOF {
			err = nil
		}
		return err
	})
	return found, err
}

// parallel calls do for 0 to n-1 on all processors and returns the first error,
// in the order of numbers.
func parallel(n int, do func(i int) error) error {
	var (
		mu   sync.Mutex
		next int
		wait sync.WaitGroup
	)
	errs := make([]error, n)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n {
					return
				}
				errs[i] = do(i)
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
