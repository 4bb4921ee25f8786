package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/erofs/go-erofs"
	"github.com/spf13/cobra"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/convert/aot"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/inspect/dissect"
	"github.com/c2w/c2w/internal/inspect/listing"
	"github.com/c2w/c2w/internal/machine"
)

func newListCommand(inv *invocation) *cobra.Command {
	var l lister
	cmd := &cobra.Command{
		Use:   "list [FLAGS] FILE.wasm PLACE",
		Short: "Show how guest code was translated in a converted file",
		Long: `Shows guest code, what it means, and the page function that a converted file has
for it: each instruction with its intermediate representation, then the Wasm,
with a line in front of what belongs to an instruction. PLACE is one of
  0xffffffff80001234      an address in the kernel
  PROGRAM:OFFSET          a place in the file of a program: kernel, runc, init, or
                          a path of the image; in bytes, 0x in front of hexadecimal
  1122334455667788        a page's key, as c2w run --check names it
What lies in the middle of a page is shown with its surroundings, a page's start
with the whole page. --passes shows the page's way from guest code to Wasm instead:
what each pass of the translation makes of it.`,
		Example: `c2w list out.wasm 0xffffffff802345f8
c2w list out.wasm /usr/bin/python3.11:0x15e000
c2w list --passes out.wasm kernel:0x1000`,
		Args:              operands(2, 2, "a file and a place"),
		ValidArgsFunction: completeFiles("wasm", 1),
		RunE:              func(_ *cobra.Command, args []string) error { return l.list(inv, args[0], args[1]) },
	}
	cmd.Flags().IntVarP(&l.around, "context", "C", 8, "show `N` instructions before and behind the place")
	cmd.Flags().BoolVar(&l.whole, "page", false, "show the whole page")
	cmd.Flags().BoolVar(&l.passes, "passes", false, "show what each pass of the translation makes of the page")
	return cmd
}

// lister is a c2w list under way.
type lister struct {
	around int
	whole  bool
	passes bool
	file   *dissect.File
	guest  struct{ kernel, disk machine.Source }
}

// spot is a page of code, and an offset in it.
type spot struct {
	code []byte
	off  int
	base uint64 // address of the page's start, as it is shown
	what string
}

func (l *lister) list(inv *invocation, name, place string) error {
	b, err := readFile(name)
	if err != nil {
		return err
	}
	if l.file, err = dissect.Open(b); err != nil {
		return fmt.Errorf("taking %s apart: %w", name, err)
	}
	g, err := l.file.Guest()
	if err != nil {
		return fmt.Errorf("taking %s apart: %w", name, err)
	}
	l.guest.kernel, l.guest.disk = g.Kernel, g.Disk
	s, err := l.find(place)
	if err != nil {
		return err
	}
	mode := uint32(0)
	for m := range uint32(core.CodeModes) {
		if l.file.Page(engine.PageKey(s.code, m)) != nil {
			mode = m
			break
		}
	}
	p := listing.New(l.file, l.file.Manifest.Board.ISA, s.code, mode, s.base)
	fmt.Fprintf(inv.stdout, "%s, page %016x\n\n", s.what, engine.PageKey(s.code, mode).Content)
	if l.passes {
		return p.Passes(inv.stdout, emit.NewCore(l.file.Manifest.Board.ISA, machine.StateBase, machine.CachesBase), s.off)
	}
	if l.whole || s.off == 0 {
		return p.Write(inv.stdout, nil)
	}
	return p.Write(inv.stdout, p.Around(s.off, max(0, l.around)))
}

// kernelBase is where Linux maps the start of its image (Documentation/arch/
// riscv/vm-layout), if KASLR is off.
const kernelBase = 0xffffffff_80000000

// find finds what the user means by a place.
func (l *lister) find(place string) (spot, error) {
	if i := strings.LastIndexByte(place, ':'); i >= 0 {
		off, err := strconv.ParseUint(place[i+1:], 0, 63)
		if err != nil {
			return spot{}, usagef("%s: the offset is a number, such as 0x1000", place)
		}
		base := uint64(0)
		if place[:i] == guest.ProgramNames[0] {
			base = kernelBase
		}
		return l.inProgram(place[:i], off, base)
	}
	if hex, ok := strings.CutPrefix(place, "0x"); ok {
		addr, err := strconv.ParseUint(hex, 16, 64)
		if err != nil || addr < kernelBase {
			return spot{}, usagef("%s is not an address in the kernel, which begins at %#x; a program's code is named PROGRAM:OFFSET", place, uint64(kernelBase))
		}
		return l.inProgram(guest.ProgramNames[0], addr-kernelBase, kernelBase)
	}
	if key, err := strconv.ParseUint(place, 16, 64); err == nil && len(place) == 16 {
		return l.byKey(key)
	}
	return spot{}, usagef("%q is not a place: write an address (0x…), PROGRAM:OFFSET, or a page's key of 16 digits", place)
}

var errNoSuchFile = errors.New("the image has no such file")

// inProgram returns the page at an offset of a program, which is shown at an
// address that is base higher.
func (l *lister) inProgram(name string, off, base uint64) (spot, error) {
	at := off &^ core.PageMask
	s := spot{off: int(off & core.PageMask), base: base + at, code: make([]byte, core.PageSize), what: fmt.Sprintf("%s:%#x", name, off)}
	r, err := l.program(name)
	if err != nil {
		return s, fmt.Errorf("reading %s: %w", name, err)
	}
	if c, ok := r.(io.Closer); ok {
		defer c.Close()
	}
	if _, err := io.CopyN(io.Discard, r, int64(min(at, math.MaxInt64))); err != nil {
		return s, fmt.Errorf("reading %s: it ends before %#x", name, off)
	}
	n, err := io.ReadFull(r, s.code)
	if n <= s.off {
		return s, fmt.Errorf("reading %s: it ends before %#x", name, off)
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return s, fmt.Errorf("reading %s: %w", name, err)
	}
	return s, nil
}

// program opens the kernel, another of the guest's own programs, or a file of
// the image.
func (l *lister) program(name string) (io.Reader, error) {
	if name == guest.ProgramNames[0] {
		return io.NewSectionReader(l.guest.kernel, 0, l.guest.kernel.Size()), nil
	}
	own, err := guest.Programs(l.file.Manifest.Board.ISA.Name())
	if err != nil {
		return nil, err
	}
	if b, ok := own[name]; ok {
		return bytes.NewReader(b), nil
	}
	root, err := erofs.Open(l.guest.disk)
	if err != nil {
		return nil, fmt.Errorf("reading the root file system: %w", err)
	}
	f, err := root.Open(strings.TrimPrefix(path.Clean("/"+name), "/"))
	if err != nil {
		return nil, errNoSuchFile
	}
	return f, nil
}

// byKey looks for a page's content in all that the file holds.
func (l *lister) byKey(key uint64) (spot, error) {
	var programs []aot.Program
	for _, name := range guest.ProgramNames {
		r, err := l.program(name)
		if err != nil {
			return spot{}, err
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return spot{}, fmt.Errorf("reading %s: %w", name, err)
		}
		programs = append(programs, aot.BytesProgram(name, b))
	}
	root, err := erofs.Open(l.guest.disk)
	if err != nil {
		return spot{}, fmt.Errorf("reading the root file system: %w", err)
	}
	err = fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		programs = append(programs, aot.Program{Name: "/" + name, Size: info.Size(), Open: func() io.Reader {
			f, err := root.Open(name)
			if err != nil {
				return strings.NewReader("") // too short, which is an error
			}
			return f
		}})
		return nil
	})
	if err != nil {
		return spot{}, fmt.Errorf("reading the root file system: %w", err)
	}
	x, err := aot.NewIndex(programs)
	if err != nil {
		return spot{}, err
	}
	found, err := x.Find(map[uint64]bool{key: true})
	if err != nil {
		return spot{}, err
	}
	f, ok := found[key]
	if !ok {
		return spot{}, fmt.Errorf("no program in the file has the page %016x: it is made while the guest runs", key)
	}
	s := spot{code: f.Code, base: uint64(f.Offset), what: fmt.Sprintf("%s:%#x", f.Program, f.Offset)}
	if f.Program == guest.ProgramNames[0] {
		s.base += kernelBase
	}
	return s, nil
}
