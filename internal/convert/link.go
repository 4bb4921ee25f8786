package convert

import (
	"bytes"
	"fmt"
	"io"

	"github.com/c2w/c2w/internal/convert/corename"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/format/disk"
	"github.com/c2w/c2w/internal/format/marks"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/machine/trial"
	"github.com/c2w/c2w/internal/wasm"
	"github.com/c2w/c2w/internal/wasm/link"
)

// Parts is what a file is made of.
type Parts struct {
	Machine  []byte // the Go machine, a wasip1 reactor
	ISA      isa.ISA
	Core     *emit.Core // with the page functions that Manifest.Pages names; nil for the interpreter alone
	Kernel   []byte     // this and the next two in the format of package disk
	Initrd   []byte
	Disk     []byte
	Manifest machine.Manifest // blobs are filled in
}

// Link joins the parts into one module.
func Link(p *Parts) (*link.Output, error) {
	k := p.Core
	if k == nil {
		k = emit.NewCore(p.ISA, machine.StateBase, machine.CachesBase)
	}
	m := p.Manifest
	data := []link.Data{
		{Label: "kernel", Passive: true, Bytes: p.Kernel},
		{Label: "init", Passive: true, Bytes: p.Initrd},
		{Label: "disk", Passive: true, Bytes: p.Disk},
	}
	m.Kernel.Segment, m.Kernel.Size = 0, uint32(len(p.Kernel))
	m.Initrd.Segment, m.Initrd.Size = 1, uint32(len(p.Initrd))
	m.Disk.Segment, m.Disk.Size = 2, uint32(len(p.Disk))
	manifest, err := m.Encode()
	if err != nil {
		return nil, err
	}
	data = append(data, link.Data{Label: "manifest", Addr: machine.ManifestBase, Bytes: manifest})
	pages := (uint32(machine.RAMHost) + m.RAM) / wasm.PageSize
	reader := link.SegmentReader(data, pages)
	funcs := append(k.Funcs, reader)
	table := k.Table()
	out, err := link.Link(&link.Input{
		Machine:      p.Machine,
		ImportModule: "c2w",
		Defines: []link.Define{
			{Import: "run", Func: k.Run},
			{Import: "hook", Func: k.Hook},
			{Import: "segment_read", Func: len(funcs) - 1},
		},
		Step:        "c2w_step",
		Reserve:     machine.Reserve / wasm.PageSize,
		Low:         machine.GoData,
		MemoryPages: pages,
		Funcs:       funcs,
		Tables:      []link.Table{{Size: uint32(len(table)), Funcs: table, Export: "c2w_table"}},
		Data:        data,
	})
	if err != nil {
		return nil, fmt.Errorf("joining the machine and its core: %w", err)
	}
	if err := mark(out, k); err != nil {
		return nil, err
	}
	return out, nil
}

// mark adds to a file what Wasm of the page functions belongs to which
// instruction.
func mark(out *link.Output, k *emit.Core) error {
	if len(k.Pages) == 0 {
		return nil
	}
	funcs := make([]marks.Func, len(k.Pages))
	for i, f := range k.Pages {
		code, list, err := out.Marked(f)
		if err != nil {
			return err
		}
		funcs[i] = marks.Func{Size: len(code), Marks: list}
	}
	section, err := marks.Encode(funcs)
	if err != nil {
		return fmt.Errorf("encoding what belongs to which instruction: %w", err)
	}
	out.Module.Customs = append(out.Module.Customs, section)
	out.Parts = append(out.Parts, link.Part{Label: "marks", Bytes: int64(len(wasm.AppendCustom(nil, section)))})
	return nil
}

// checkMachine refuses a machine that says it is for another core than this
// program makes. One that says nothing, built without make, is told apart by
// its layout when the file starts.
func checkMachine(module []byte) error {
	s, err := wasm.OpenCustom(bytes.NewReader(module), int64(len(module)), corename.Section)
	if err != nil || s == nil {
		return nil // no module at all is found out by Link
	}
	is, err := io.ReadAll(io.LimitReader(s, 256))
	if want := corename.Name(riscv64.Guest); err == nil && string(is) != want {
		return fmt.Errorf("the machine is for generated code of another version of c2w (%.64q, this one's is %q): build one that fits by make machine, or leave C2W_MACHINE unset", is, want)
	}
	return err
}

// Guest is what the file boots, unpacked as it is read.
func (p *Parts) Guest() (trial.Guest, error) {
	g := trial.Guest{Board: p.Manifest.Board, RAM: p.Manifest.RAM, Cmdline: p.Manifest.Cmdline}
	for _, b := range []struct {
		what   string
		packed []byte
		to     *machine.Source
	}{{"kernel", p.Kernel, &g.Kernel}, {"initial file system", p.Initrd, &g.Initrd}, {"root disk", p.Disk, &g.Disk}} {
		d, err := disk.Open(bytes.NewReader(b.packed), int64(len(b.packed)))
		if err != nil {
			return g, fmt.Errorf("opening the %s: %w", b.what, err)
		}
		*b.to = d
	}
	return g, nil
}
