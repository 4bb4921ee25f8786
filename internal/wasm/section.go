package wasm

import (
	"errors"
	"fmt"
	"io"
)

// Section is one section of a file: where it lies and how large it is.
type Section struct {
	// Name is that of the kind, such as "code". A custom section has Custom
	// set and its own name.
	Name   string
	Custom bool
	// Offset and Size bound the contents in the file, in bytes; of a custom
	// section what follows its name.
	Offset, Size int64
}

// maxSections bounds what Sections reads of a hostile file. A module has one
// of each kind, and few custom ones.
const maxSections = 1000

// Sections lists the sections of a file of the given size without reading
// their contents, so that a file of a gigabyte is inspected in no time.
func Sections(r io.ReaderAt, size int64) ([]Section, error) {
	var list []Section
	var head [16]byte
	if n, _ := r.ReadAt(head[:8], 0); n != 8 || string(head[:8]) != header {
		return nil, errors.New("reading WebAssembly sections: no module header")
	}
	for at := int64(len(header)); at < size; {
		n, err := r.ReadAt(head[:min(int64(len(head)), size-at)], at)
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("reading WebAssembly sections: %w", err)
		}
		d := decoder{b: head[:n]}
		id, length := d.byte(), int64(d.u32())
		s := Section{Offset: at + int64(d.pos), Size: length}
		switch {
		case d.err != nil || s.Offset+s.Size > size:
			return nil, fmt.Errorf("reading WebAssembly sections: section at byte %d: %w", at, errEnd)
		case int(id) >= len(sectionNames):
			return nil, fmt.Errorf("reading WebAssembly sections: section number %d at byte %d is unknown", id, at)
		case len(list) == maxSections:
			return nil, fmt.Errorf("reading WebAssembly sections: more than %d", maxSections)
		}
		at = s.Offset + s.Size
		s.Name = sectionNames[id]
		if id == secCustom {
			if err := s.custom(r); err != nil {
				return nil, fmt.Errorf("reading WebAssembly sections: custom section at byte %d: %w", s.Offset, err)
			}
		}
		list = append(list, s)
	}
	return list, nil
}

// custom splits the name off.
func (s *Section) custom(r io.ReaderAt) error {
	// Names are short; a longer one is not ours, nor anybody's that we know.
	b := make([]byte, min(s.Size, 256))
	if n, err := r.ReadAt(b, s.Offset); n < len(b) {
		return err
	}
	d := decoder{b: b}
	s.Name, s.Custom = d.name(), true
	s.Offset += int64(d.pos)
	s.Size -= int64(d.pos)
	return d.err
}

// OpenCustom returns the contents of the custom section of that name, or nil
// if the file has none.
func OpenCustom(r io.ReaderAt, size int64, name string) (*io.SectionReader, error) {
	list, err := Sections(r, size)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		if s.Custom && s.Name == name {
			return io.NewSectionReader(r, s.Offset, s.Size), nil
		}
	}
	return nil, nil
}

// AppendCustom appends a custom section to the encoded module b.
func AppendCustom(b []byte, c Custom) []byte {
	name := appendName(nil, c.Name)
	b = AppendU(append(b, secCustom), uint64(len(name)+len(c.Data)))
	return append(append(b, name...), c.Data...)
}
