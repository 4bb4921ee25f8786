package bootcfg

import "strconv"

func (s *Spec) appendPayload(b []byte) []byte {
	b = appendList(b, s.Args)
	b = appendList(b, s.Env)
	b = appendString(b, s.Dir)
	b = appendString(b, s.Hostname)
	b = appendBool(b, s.Terminal)
	b = append(b, byte(s.Rows), byte(s.Rows>>8), byte(s.Cols), byte(s.Cols>>8))
	b = appendU32(b, uint32(s.Realtime))
	b = appendU32(b, uint32(uint64(s.Realtime)>>32))
	b = appendString(b, string(s.Entropy))
	b = appendString(b, s.Root.Device)
	b = appendString(b, s.Root.Type)
	b = appendString(b, s.Root.Options)
	b = appendBool(b, s.Root.ReadOnly)
	b = appendString(b, s.Root.UpperSize)
	b = appendU32(b, uint32(len(s.Mounts)))
	for _, m := range s.Mounts {
		b = appendString(b, m.Source)
		b = appendString(b, m.Target)
		b = appendString(b, m.Type)
		b = appendString(b, m.Options)
		b = appendBool(b, m.ReadOnly)
	}
	return b
}

func (Ready) appendPayload(b []byte) []byte   { return b }
func (e Exit) appendPayload(b []byte) []byte  { return append(b, e.Status, e.Signal) }
func (e Error) appendPayload(b []byte) []byte { return appendString(b, e.Text) }

func decodePayload(kind byte, b []byte) (Message, error) {
	d := decoder{b: b}
	var m Message
	switch kind {
	case kindSpec:
		m = d.spec()
	case kindReady:
		m = Ready{}
	case kindExit:
		m = Exit{Status: d.u8(), Signal: d.u8()}
	case kindError:
		m = Error{Text: d.str()}
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

func (d *decoder) spec() *Spec {
	s := &Spec{
		Args:     d.list(),
		Env:      d.list(),
		Dir:      d.str(),
		Hostname: d.str(),
		Terminal: d.boolean(),
		Rows:     d.u16(),
		Cols:     d.u16(),
		Realtime: int64(uint64(d.u32()) | uint64(d.u32())<<32),
	}
	if e := d.str(); e != "" {
		s.Entropy = []byte(e)
	}
	s.Root = Root{Device: d.str(), Type: d.str(), Options: d.str(), ReadOnly: d.boolean(), UpperSize: d.str()}
	for n := d.count(4*4 + 1); n > 0; n-- {
		s.Mounts = append(s.Mounts, Mount{Source: d.str(), Target: d.str(), Type: d.str(), Options: d.str(), ReadOnly: d.boolean()})
	}
	return s
}

// check holds for every message that is sent and for every one received.
func (s *Spec) check() error {
	if len(s.Args) == 0 {
		return wrong(ErrMessage, "spec without a command")
	}
	if len(s.Entropy) > MaxEntropy {
		return wrong(ErrMessage, "spec with "+strconv.Itoa(len(s.Entropy))+" bytes of entropy, at most "+strconv.Itoa(MaxEntropy)+" fit")
	}
	if s.Dir != "" && s.Dir[0] != '/' {
		return wrong(ErrMessage, "working directory "+strconv.Quote(s.Dir)+" is not absolute")
	}
	if s.Realtime < 0 {
		return wrong(ErrMessage, "clock before 1970")
	}
	r := s.Root
	if r.Device == "" || r.Type == "" {
		return wrong(ErrMessage, "spec without a root device and its type")
	}
	ok := plain(s.Args...) && plain(s.Env...) && plain(s.Dir, s.Hostname, r.Device, r.Type, r.Options, r.UpperSize)
	for _, m := range s.Mounts {
		if m.Target == "" || m.Target[0] != '/' {
			return wrong(ErrMessage, "mount target "+strconv.Quote(m.Target)+" is not absolute")
		}
		ok = ok && plain(m.Source, m.Target, m.Type, m.Options)
	}
	if !ok {
		return wrong(ErrMessage, "zero byte in a string of the spec")
	}
	return nil
}

func (Ready) check() error { return nil }

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

func appendU32(b []byte, v uint32) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func appendString(b []byte, s string) []byte {
	return append(appendU32(b, uint32(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendList(b []byte, list []string) []byte {
	b = appendU32(b, uint32(len(list)))
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

func (d *decoder) u16() uint16 { return uint16(d.u8()) | uint16(d.u8())<<8 }
func (d *decoder) u32() uint32 { return uint32(d.u16()) | uint32(d.u16())<<16 }
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
