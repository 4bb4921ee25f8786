package agent

import (
	"strconv"
	"strings"

	"github.com/c2w/c2w/internal/format/frame"
)

func (m *Boot) appendPayload(b []byte) []byte {
	b = appendString(b, m.Root.Device)
	b = appendString(b, m.Root.Type)
	b = appendString(b, m.Root.Options)
	b = appendString(b, m.Root.UpperSize)
	return appendList(b, m.Volumes)
}

func (s *Spec) appendPayload(b []byte) []byte {
	b = appendList(b, s.Args)
	b = appendList(b, s.Env)
	b = appendString(b, s.User)
	b = appendString(b, s.Dir)
	b = appendString(b, s.Hostname)
	b = appendBool(b, s.Terminal)
	b = appendBool(b, s.Cooked)
	b = frame.AppendU16(frame.AppendU16(b, s.Rows), s.Cols)
	b = appendBool(b, s.ReadOnly)
	b = appendBool(b, s.Init)
	b = frame.AppendU64(b, uint64(s.Realtime))
	b = appendString(b, string(s.Entropy))
	b = frame.AppendU32(b, uint32(len(s.Mounts)))
	for _, m := range s.Mounts {
		b = frame.AppendU16(b, m.Index)
		b = appendString(b, m.Target)
		b = appendBool(b, m.ReadOnly)
		b = appendString(frame.AppendU32(b, m.Flags), m.Options)
	}
	b = frame.AppendU64(b, s.ShmSize)
	b = frame.AppendU32(b, uint32(len(s.Limits)))
	for _, l := range s.Limits {
		b = append(b, l.Resource)
		b = frame.AppendU64(frame.AppendU64(b, l.Soft), l.Hard)
	}
	return appendList(appendList(b, s.Sysctls), s.Hosts)
}

func (Ready) appendPayload(b []byte) []byte   { return b }
func (Started) appendPayload(b []byte) []byte { return b }

func (e Exit) appendPayload(b []byte) []byte {
	return appendBool(append(b, e.Status, e.Signal), e.OutOfMemory)
}

func (e Error) appendPayload(b []byte) []byte  { return appendString(append(b, e.Status), e.Text) }
func (s Signal) appendPayload(b []byte) []byte { return appendBool(append(b, s.Number), s.Early) }
func (r Resize) appendPayload(b []byte) []byte {
	return frame.AppendU16(frame.AppendU16(b, r.Rows), r.Cols)
}
func (s Stop) appendPayload(b []byte) []byte {
	return appendBool(frame.AppendU32(append(b, s.Signal), s.Grace), s.Early)
}

func (c Close) appendPayload(b []byte) []byte { return append(b, c.Stream) }

func decodePayload(kind byte, b []byte) (Message, error) {
	d := decoder{b: b}
	var m Message
	switch kind {
	case kindBoot:
		m = d.boot()
	case kindSpec:
		m = d.spec()
	case kindReady:
		m = Ready{}
	case kindStarted:
		m = Started{}
	case kindExit:
		m = Exit{Status: d.u8(), Signal: d.u8(), OutOfMemory: d.boolean()}
	case kindError:
		m = Error{Status: d.u8(), Text: d.str()}
	case kindSignal:
		m = Signal{Number: d.u8(), Early: d.boolean()}
	case kindResize:
		m = Resize{Rows: d.u16(), Cols: d.u16()}
	case kindStop:
		m = Stop{Signal: d.u8(), Grace: d.u32(), Early: d.boolean()}
	case kindClose:
		m = Close{Stream: d.u8()}
	default:
		return nil, wrong(ErrFrame, "unknown kind "+strconv.Itoa(int(kind)))
	}
	if d.bad {
		return nil, wrong(ErrMessage, "payload cut short or malformed")
	}
	if len(d.b) != 0 {
		return nil, wrong(ErrMessage, strconv.Itoa(len(d.b))+" bytes too many")
	}
	return m, m.check()
}

func (d *decoder) boot() *Boot {
	return &Boot{
		Root:    Root{Device: d.str(), Type: d.str(), Options: d.str(), UpperSize: d.str()},
		Volumes: d.list(),
	}
}

func (d *decoder) spec() *Spec {
	s := &Spec{
		Args:     d.list(),
		Env:      d.list(),
		User:     d.str(),
		Dir:      d.str(),
		Hostname: d.str(),
		Terminal: d.boolean(),
		Cooked:   d.boolean(),
		Rows:     d.u16(),
		Cols:     d.u16(),
		ReadOnly: d.boolean(),
		Init:     d.boolean(),
		Realtime: int64(d.u64()),
	}
	if e := d.str(); e != "" {
		s.Entropy = []byte(e)
	}
	for n := d.count(2 + 4 + 1 + 4 + 4); n > 0; n-- {
		s.Mounts = append(s.Mounts, Mount{Index: d.u16(), Target: d.str(), ReadOnly: d.boolean(), Flags: d.u32(), Options: d.str()})
	}
	s.ShmSize = d.u64()
	for n := d.count(1 + 8 + 8); n > 0; n-- {
		s.Limits = append(s.Limits, Limit{Resource: d.u8(), Soft: d.u64(), Hard: d.u64()})
	}
	s.Sysctls, s.Hosts = d.list(), d.list()
	return s
}

// The checks hold for every message that is sent and for every one received.

func (m *Boot) check() error {
	r := m.Root
	if r.Device == "" || r.Type == "" {
		return wrong(ErrMessage, "boot without a root device and its type")
	}
	for _, v := range m.Volumes {
		if !absolute(v) {
			return wrong(ErrMessage, "volume "+strconv.Quote(v)+" is not absolute")
		}
	}
	if !plain(m.Volumes...) || !plain(r.Device, r.Type, r.Options, r.UpperSize) {
		return errZero
	}
	return nil
}

func (s *Spec) check() error {
	if len(s.Args) == 0 {
		return wrong(ErrMessage, "spec without a command")
	}
	if len(s.Entropy) > MaxEntropy {
		return wrong(ErrMessage, "spec with "+strconv.Itoa(len(s.Entropy))+" bytes of entropy, at most "+strconv.Itoa(MaxEntropy)+" fit")
	}
	if s.Dir != "" && !absolute(s.Dir) {
		return wrong(ErrMessage, "working directory "+strconv.Quote(s.Dir)+" is not absolute")
	}
	if s.Realtime < 0 {
		return wrong(ErrMessage, "clock before 1970")
	}
	ok := plain(s.Args...) && plain(s.Env...) && plain(s.User, s.Dir, s.Hostname)
	for _, m := range s.Mounts {
		if !absolute(m.Target) {
			return wrong(ErrMessage, "mount target "+strconv.Quote(m.Target)+" is not absolute")
		}
		if m.Index != InMemory && (m.Flags != 0 || m.Options != "") {
			return wrong(ErrMessage, "options for the host's directory at "+strconv.Quote(m.Target))
		}
		ok = ok && plain(m.Target, m.Options)
	}
	for _, l := range s.Limits {
		if l.Resource >= Resources || l.Soft > l.Hard {
			return wrong(ErrMessage, "limit "+strconv.Itoa(int(l.Resource))+" of "+strconv.FormatUint(l.Soft, 10)+", at most "+strconv.FormatUint(l.Hard, 10))
		}
	}
	for _, kv := range s.Sysctls {
		if _, _, found := strings.Cut(kv, "="); !found {
			return wrong(ErrMessage, "kernel parameter "+strconv.Quote(kv)+" without a value")
		}
	}
	ok = ok && plain(s.Sysctls...) && plain(s.Hosts...)
	if !ok {
		return errZero
	}
	return nil
}

func absolute(path string) bool { return path != "" && path[0] == '/' }

var errZero = wrong(ErrMessage, "zero byte in a string")

func (Ready) check() error   { return nil }
func (Started) check() error { return nil }

func (e Exit) check() error {
	if e.Signal != 0 && (e.Signal > 64 || e.Status != 128+e.Signal) {
		return wrong(ErrMessage, "status "+strconv.Itoa(int(e.Status))+" does not belong to signal "+strconv.Itoa(int(e.Signal)))
	}
	return nil
}

func (e Error) check() error {
	if e.Text == "" || len(e.Text) > MaxErrorText {
		return wrong(ErrMessage, "error text of "+strconv.Itoa(len(e.Text))+" bytes")
	}
	if e.Status < StatusFailed || e.Status > StatusNotFound {
		return wrong(ErrMessage, "error with the status "+strconv.Itoa(int(e.Status)))
	}
	return nil
}

func (s Signal) check() error { return checkSignal(s.Number) }
func (Resize) check() error   { return nil }
func (s Stop) check() error   { return checkSignal(s.Signal) }

func (c Close) check() error {
	if c.Stream > Stderr {
		return wrong(ErrMessage, "stream "+strconv.Itoa(int(c.Stream)))
	}
	return nil
}

func checkSignal(n uint8) error {
	if n < 1 || n > 64 {
		return wrong(ErrMessage, "signal "+strconv.Itoa(int(n)))
	}
	return nil
}

// plain reports whether the strings can be C strings: system calls end them at
// the first zero byte, silently.
func plain(list ...string) bool {
	for _, s := range list {
		for i := 0; i < len(s); i++ {
			if s[i] == 0 {
				return false
			}
		}
	}
	return true
}

func appendString(b []byte, s string) []byte {
	return append(frame.AppendU32(b, uint32(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendList(b []byte, list []string) []byte {
	b = frame.AppendU32(b, uint32(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

// decoder reads a payload from its beginning. Once bad, it stays bad and reads
// zeros, so a caller asks once at the end.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n uint32) []byte {
	if d.bad || uint64(n) > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) u8() uint8 {
	if p := d.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (d *decoder) boolean() bool {
	v := d.u8()
	if v > 1 {
		d.bad = true
	}
	return v == 1
}

func (d *decoder) u16() uint16 {
	if p := d.take(2); p != nil {
		return frame.U16(p)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if p := d.take(4); p != nil {
		return frame.U32(p)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if p := d.take(8); p != nil {
		return frame.U64(p)
	}
	return 0
}
func (d *decoder) str() string { return string(d.take(d.u32())) }

// count reads a list's size. It is bad if that many elements of at least size
// bytes each cannot follow, so no list costs more memory than its frame.
func (d *decoder) count(size uint32) uint32 {
	n := d.u32()
	if uint64(n)*uint64(size) > uint64(len(d.b)) {
		d.bad = true
	}
	if d.bad {
		return 0
	}
	return n
}

func (d *decoder) list() []string {
	n := d.count(4)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = d.str()
	}
	return list
}
