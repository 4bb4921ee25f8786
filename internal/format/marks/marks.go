// Package marks reads and writes the section in which a converted file says
// which Wasm of a page function belongs to which instruction of the guest.
//
// The section is the format's version, a byte, and then, in the format of RFC
// 1950, numbers as unsigned LEB128: how many functions there are, and of each in
// the order of their slots
//
//	the length of its code in bytes, how many marks it has, and of each
//	    0 for code that is the function's own, or 1 + zigzag(how far the
//	        instruction's offset in its page lies behind that of the instruction
//	        marked before, at first behind 0)
//	    how far its offset in the code lies behind the mark before, at first 0
//
// The package must not know what instructions are, nor where functions come
// from. Files may be hostile: everything is checked.
package marks

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/wasm"
)

// Section is the name of the custom section.
const Section = "c2w.marks"

// format is the version of the encoding; readers refuse others.
const format = 1

// Bounds of what Read takes of a hostile file. A page function has some 200
// marks in less than 64 KiB of code; a file ends at 1 GiB, where the marks of
// nothing but page functions would take some 60 MB.
const (
	maxFuncs    = 1 << 20
	maxMarks    = 1 << 16
	maxSize     = 1 << 30   // bytes
	maxUnpacked = 256 << 20 // bytes; they are not kept
)

// Func is what the section has of a function.
type Func struct {
	// Size is the length of its code in bytes, without the local declarations.
	Size int
	// Marks rise by offset in the code. Tags are offsets in the guest's page, or
	// negative for what belongs to no instruction. Those of several marks at one
	// offset are instructions of which no code is left; the last has what follows.
	Marks []wasm.Mark
}

// Encode returns the section.
func Encode(funcs []Func) (wasm.Custom, error) {
	raw := binary.AppendUvarint(nil, uint64(len(funcs)))
	for i, f := range funcs {
		list := tidy(f.Marks)
		if len(list) > maxMarks {
			return wasm.Custom{}, fmt.Errorf("page function %d has %d marks, %d fit", i, len(list), maxMarks)
		}
		raw = binary.AppendUvarint(raw, uint64(f.Size))
		raw = binary.AppendUvarint(raw, uint64(len(list)))
		off, at := 0, int32(0)
		for _, m := range list {
			if m.Off < off || m.Off > f.Size || m.Tag >= core.PageSize {
				return wasm.Custom{}, fmt.Errorf("page function %d: a mark for %#x at byte %d of %d", i, m.Tag, m.Off, f.Size)
			}
			tag := uint64(0)
			if m.Tag >= 0 {
				d := m.Tag - at
				tag, at = 1+uint64(uint32(d<<1)^uint32(d>>31)), m.Tag
			}
			raw = binary.AppendUvarint(raw, tag)
			raw = binary.AppendUvarint(raw, uint64(m.Off-off))
			off = m.Off
		}
	}
	var b bytes.Buffer
	b.WriteByte(format)
	w, err := zlib.NewWriterLevel(&b, zlib.BestCompression)
	if err != nil {
		return wasm.Custom{}, err
	}
	w.Write(raw) // a buffer takes everything
	w.Close()
	return wasm.Custom{Name: Section, Data: b.Bytes()}, nil
}

// tidy leaves out what says nothing: marks that repeat the one before, and those
// of a function's own code where there is none.
func tidy(list []wasm.Mark) (out []wasm.Mark) {
	tag := int32(-1) // what holds without a mark
	for i, m := range list {
		if m.Tag < 0 && i+1 < len(list) && list[i+1].Off == m.Off {
			continue
		}
		if m.Tag = max(m.Tag, -1); m.Tag != tag {
			out = append(out, m)
			tag = m.Tag
		}
	}
	return out
}

// Read returns what a section has of its function number i.
func Read(data []byte, i int) (Func, error) {
	f, err := read(data, i)
	if err != nil {
		return Func{}, fmt.Errorf("the file's section %q is damaged (%w): convert the image again", Section, err)
	}
	return f, nil
}

var errRange = errors.New("a number is out of range")

func read(data []byte, i int) (f Func, err error) {
	if len(data) == 0 {
		return f, io.ErrUnexpectedEOF
	}
	if data[0] != format {
		return f, fmt.Errorf("it has format %d, this c2w reads %d", data[0], format)
	}
	z, err := zlib.NewReader(bytes.NewReader(data[1:]))
	if err != nil {
		return f, err
	}
	r := reader{b: bufio.NewReader(io.LimitReader(z, maxUnpacked))}
	if n := r.number(maxFuncs); r.err == nil && uint(i) >= uint(n) {
		r.err = fmt.Errorf("it has nothing of function %d", i)
	}
	for ; i > 0 && r.err == nil; i-- {
		r.number(maxSize)
		for n := r.number(maxMarks); n > 0 && r.err == nil; n-- {
			r.number(2 * core.PageSize)
			r.number(maxSize)
		}
	}
	f.Size = r.number(maxSize)
	off, at := 0, 0
	for n := r.number(maxMarks); n > 0 && r.err == nil; n-- {
		m := wasm.Mark{Tag: -1}
		if d := r.number(2 * core.PageSize); d > 0 {
			d--
			at += d>>1 ^ -(d & 1)
			m.Tag = int32(at)
		}
		off += r.number(f.Size - off)
		m.Off = off
		if at < 0 || at >= core.PageSize {
			r.err = errRange
		}
		f.Marks = append(f.Marks, m)
	}
	return f, r.err
}

// reader reads numbers. The first error sticks, and what is read after it is 0.
type reader struct {
	b   *bufio.Reader
	err error
}

// number reads one that is at most max.
func (r *reader) number(max int) int {
	if r.err != nil {
		return 0
	}
	v, err := binary.ReadUvarint(r.b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && v > uint64(max) {
		err = errRange
	}
	if err != nil {
		r.err = err
		return 0
	}
	return int(v)
}
