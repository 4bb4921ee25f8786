// Package dissect takes a converted file apart again: its manifest, what it
// boots, its page functions, and the core as a module that runs without the
// machine around it. It is convert.Link backwards.
//
// It must not know why somebody looks. Files may be hostile: everything is
// checked, and a file that this c2w did not link is an error, never a panic.
package dissect

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/format/disk"
	"github.com/c2w/c2w/internal/format/marks"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/machine/boards"
	"github.com/c2w/c2w/internal/machine/trial"
	"github.com/c2w/c2w/internal/wasm"
)

// File is a converted file that was taken apart.
type File struct {
	Manifest *machine.Manifest

	m     *wasm.Module
	data  int // first data segment of the core
	table uint32
	slots []uint32       // function by slot of the core's table, noFunc for none
	moved map[uint32]int // function → index in the core's module
	core  []uint32       // functions of the core's module
	run   uint32
}

const noFunc = ^uint32(0)

// maxSlots is the largest table that engine.Binding can name slots of.
const maxSlots = 1 << 20

var errShape = errors.New("it was not put together by this version of c2w: convert the image again")

// Open takes a file apart. It aliases b.
func Open(b []byte) (*File, error) {
	m, err := wasm.Parse(b)
	if err != nil {
		return nil, err
	}
	f := &File{m: m}
	for f.data = 0; f.data < len(m.Data) && m.Data[f.data].Mode == wasm.Active; f.data++ {
	}
	for _, d := range m.Data[f.data:] {
		if at, ok := d.Offset.I32(); ok && d.Mode == wasm.Active && at == machine.ManifestBase {
			if f.Manifest, err = machine.DecodeManifest(d.Bytes, boards.All...); err != nil {
				return nil, err
			}
		}
	}
	e, ok := m.Export("c2w_table")
	if f.Manifest == nil || !ok || e.Kind != wasm.KindTable {
		return nil, errShape
	}
	pages := (uint32(machine.RAMHost) + f.Manifest.RAM) / wasm.PageSize
	if len(m.Memories) != 1 || m.Memories[0] != (wasm.Limits{Min: pages, Max: pages, HasMax: true}) {
		return nil, errShape
	}
	f.table = e.Index
	if err := f.readTable(); err != nil {
		return nil, err
	}
	return f, f.findCore()
}

// readTable finds which function is in which slot.
func (f *File) readTable() error {
	if uint64(f.table) >= uint64(len(f.m.Tables)) || f.m.Tables[f.table].Limits.Min > maxSlots {
		return errShape
	}
	f.slots = make([]uint32, f.m.Tables[f.table].Limits.Min)
	for i := range f.slots {
		f.slots[i] = noFunc
	}
	for _, e := range f.m.Elems {
		if e.Mode != wasm.Active || e.Table != f.table {
			continue
		}
		at, ok := e.Offset.I32()
		if !ok || at < 0 || int(at) > len(f.slots) || len(e.Funcs) > len(f.slots)-int(at) {
			return errShape
		}
		copy(f.slots[at:], e.Funcs)
	}
	return nil
}

// Guest is what the file boots, unpacked as it is read.
func (f *File) Guest() (trial.Guest, error) {
	g := trial.Guest{Board: f.Manifest.Board, RAM: f.Manifest.RAM, Cmdline: f.Manifest.Cmdline}
	for _, b := range []struct {
		what string
		blob machine.Blob
		to   *machine.Source
	}{{"kernel", f.Manifest.Kernel, &g.Kernel}, {"initial file system", f.Manifest.Initrd, &g.Initrd}, {"root disk", f.Manifest.Disk, &g.Disk}} {
		at := uint64(f.data) + uint64(b.blob.Segment)
		if at >= uint64(len(f.m.Data)) || f.m.Data[at].Mode != wasm.Passive || int(b.blob.Size) != len(f.m.Data[at].Bytes) {
			return g, fmt.Errorf("the %s: %w", b.what, errShape)
		}
		d, err := disk.Open(bytes.NewReader(f.m.Data[at].Bytes), int64(b.blob.Size))
		if err != nil {
			return g, fmt.Errorf("opening the %s: %w", b.what, err)
		}
		*b.to = d
	}
	return g, nil
}

// Bindings are the file's page functions by key.
func (f *File) Bindings() *engine.Bindings {
	b := engine.NewBindings()
	for i := range f.Manifest.Pages {
		b.Add(f.Manifest.Pages[i].Key, &f.Manifest.Pages[i].Binding)
	}
	return b
}

// Page returns the binding of a page's content in a mode, nil if the file has
// none.
func (f *File) Page(k engine.Key) *engine.Binding {
	for i := range f.Manifest.Pages {
		if f.Manifest.Pages[i].Key == k {
			return &f.Manifest.Pages[i].Binding
		}
	}
	return nil
}

// Body returns the body of the page function in a slot of the core's table, as
// it is in the file; ok is false if there is none.
func (f *File) Body(slot uint32) (body []byte, ok bool) {
	if uint64(slot) >= uint64(len(f.slots)) || slot < abi.FirstPage || f.slots[slot] == noFunc {
		return nil, false
	}
	_, body, err := f.body(f.slots[slot])
	return body, err == nil
}

// Marks returns what the file says of which Wasm of the page function in a slot
// belongs to which instruction: tags are offsets in the guest's page, or
// emit.Own. Offsets count in the body's code as [wasm.SplitBody] returns it.
func (f *File) Marks(slot uint32) ([]wasm.Mark, error) {
	body, ok := f.Body(slot)
	if !ok {
		return nil, fmt.Errorf("there is no page function in slot %d", slot)
	}
	_, code, err := wasm.SplitBody(body)
	if err != nil {
		return nil, err
	}
	data, ok := f.m.Custom(marks.Section)
	if !ok {
		return nil, fmt.Errorf("the file has no section %q: convert the image again", marks.Section)
	}
	m, err := marks.Read(data, int(slot-abi.FirstPage))
	if err == nil && m.Size != len(code) {
		err = fmt.Errorf("the file's section %q belongs to other functions: convert the image again", marks.Section)
	}
	return m.Marks, err
}
