package machine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/machine/board"
)

// Manifest says what a file holds. The converter places it at ManifestBase.
type Manifest struct {
	// Board is what the file's guest runs on.
	Board                *board.Kind
	RAM                  uint32 // bytes of guest RAM
	Kernel, Initrd, Disk Blob   // in the format of package disk
	Cmdline              string
	// Entrypoint, Cmd, Env, Dir and User are the image's.
	Entrypoint, Cmd, Env []string
	Dir                  string
	User                 string
	// StopSignal is what ends the container in good order; 0 is SIGTERM.
	StopSignal uint32
	// Pages are the translations that the core holds.
	Pages []PageBinding
}

// Blob is a passive data segment.
type Blob struct {
	Segment uint32 // index for the core's segment reader
	Size    uint32 // bytes in the file
}

// PageBinding is one page function and what it is bound to.
type PageBinding struct {
	Key     engine.Key
	Binding engine.Binding
}

const (
	manifestMagic   = "c2wm"
	manifestVersion = 5
)

// Encode returns the manifest's bytes: magic, version, total size, fields in
// order, integers little-endian, strings and lists behind their u32 size.
func (m *Manifest) Encode() ([]byte, error) {
	le := binary.LittleEndian
	b := append([]byte(manifestMagic), 0, 0, 0, 0, 0, 0, 0, 0)
	le.PutUint32(b[4:], manifestVersion)
	u32 := func(v uint32) { b = le.AppendUint32(b, v) }
	str := func(s string) { u32(uint32(len(s))); b = append(b, s...) }
	list := func(l []string) {
		u32(uint32(len(l)))
		for _, s := range l {
			str(s)
		}
	}
	u32(m.RAM)
	u32(Fingerprint(m.Board.ISA))
	for _, x := range []Blob{m.Kernel, m.Initrd, m.Disk} {
		u32(x.Segment)
		u32(x.Size)
	}
	str(m.Cmdline)
	list(m.Entrypoint)
	list(m.Cmd)
	list(m.Env)
	str(m.Dir)
	str(m.User)
	u32(m.StopSignal)
	u32(uint32(len(m.Pages)))
	for _, p := range m.Pages {
		b = le.AppendUint64(b, p.Key.Content)
		u32(p.Key.Mode)
		u32(p.Binding.Slot)
		u32(uint32(len(p.Binding.Entries)))
		for _, e := range p.Binding.Entries {
			b = le.AppendUint16(b, e)
		}
		b = append(b, uint8(len(p.Binding.Tail)))
		b = append(b, p.Binding.Tail...)
	}
	if len(b) > ManifestMax {
		return nil, fmt.Errorf("the image's configuration and %d translations take %d bytes, %d fit", len(m.Pages), len(b), ManifestMax)
	}
	le.PutUint32(b[8:], uint32(len(b)))
	return b, nil
}

var errManifest = errors.New("the file's manifest is damaged")

// DecodeManifest reads what Encode wrote; b may be longer. boards are those that
// the file may be for.
func DecodeManifest(b []byte, boards ...*board.Kind) (*Manifest, error) {
	le := binary.LittleEndian
	if len(b) < 12 || string(b[:4]) != manifestMagic {
		return nil, errManifest
	}
	if v := le.Uint32(b[4:]); v != manifestVersion {
		return nil, fmt.Errorf("the file's manifest has version %d, this machine reads %d: convert the image again", v, manifestVersion)
	}
	n := le.Uint32(b[8:])
	if n < 12 || uint64(n) > uint64(len(b)) {
		return nil, errManifest
	}
	b = b[12:n]
	bad := false
	take := func(n uint32) []byte {
		if uint64(n) > uint64(len(b)) {
			bad = true
			return make([]byte, min(n, 8))
		}
		r := b[:n]
		b = b[n:]
		return r
	}
	u32 := func() uint32 { return le.Uint32(take(4)) }
	str := func() string { return string(take(u32())) }
	list := func() (l []string) {
		for n := u32(); n > 0 && !bad; n-- {
			l = append(l, str())
		}
		return l
	}
	m := &Manifest{RAM: u32()}
	f := u32()
	for _, k := range boards {
		if Fingerprint(k.ISA) == f {
			m.Board = k
		}
	}
	if m.Board == nil && !bad {
		return nil, fmt.Errorf("the file's code was generated for another layout of the machine (%08x) than this one has: convert the image again", f)
	}
	for _, x := range []*Blob{&m.Kernel, &m.Initrd, &m.Disk} {
		*x = Blob{u32(), u32()}
	}
	m.Cmdline = str()
	m.Entrypoint, m.Cmd, m.Env = list(), list(), list()
	m.Dir, m.User = str(), str()
	m.StopSignal = u32()
	for n := u32(); n > 0 && !bad; n-- {
		var p PageBinding
		p.Key.Content = le.Uint64(take(8))
		p.Key.Mode = u32()
		p.Binding.Slot = u32()
		for k := u32(); k > 0 && !bad; k-- {
			p.Binding.Entries = append(p.Binding.Entries, le.Uint16(take(2)))
		}
		if n := take(1)[0]; n > 0 {
			p.Binding.Tail = bytes.Clone(take(uint32(n)))
		}
		m.Pages = append(m.Pages, p)
	}
	for i := range m.Pages {
		bad = bad || !m.Pages[i].Binding.Valid()
	}
	if bad || len(b) != 0 || m.StopSignal > 64 || m.RAM < MinRAM || m.RAM > MaxRAM {
		return nil, errManifest
	}
	return m, nil
}
