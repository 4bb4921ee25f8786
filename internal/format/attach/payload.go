package attach

import (
	"strconv"
	"unicode/utf8"

	"github.com/c2w/c2w/internal/format/frame"
)

// magic begins Hello's payload, so that a machine knows a client from a user
// who types.
const magic = "c2w-attach"

const helloSize = uint32(len(magic)) + 2 + 2 + 2 + 2

// maxHello bounds the Hello of a later version, which may be longer.
const maxHello = 256

// The bits of the flags in Hello and Welcome, and those in Exit. All others are
// zero.
const (
	flagTerminal = 1
	flagStdin    = 2 // Hello

	flagOutOfMemory = 1
	flagOwn         = 2
)

func flag(set bool, bit uint16) uint16 {
	if set {
		return bit
	}
	return 0
}

func (h Hello) appendPayload(b []byte) []byte {
	b = frame.AppendU16(append(b, magic...), h.Version)
	b = frame.AppendU16(b, flag(h.Terminal, flagTerminal)|flag(h.Stdin, flagStdin))
	return frame.AppendU16(frame.AppendU16(b, h.Rows), h.Cols)
}

func (s Stdin) appendPayload(b []byte) []byte  { return append(b, s.Data...) }
func (StdinEnd) appendPayload(b []byte) []byte { return b }
func (r Resize) appendPayload(b []byte) []byte {
	return frame.AppendU16(frame.AppendU16(b, r.Rows), r.Cols)
}
func (s Signal) appendPayload(b []byte) []byte      { return append(b, s.Number) }
func (s Stop) appendPayload(b []byte) []byte        { return frame.AppendU32(b, s.Grace) }
func (c CloseOutput) appendPayload(b []byte) []byte { return append(b, c.Stream) }

func (w Welcome) appendPayload(b []byte) []byte {
	return append(frame.AppendU16(frame.AppendU16(b, w.Version), flag(w.Terminal, flagTerminal)), w.StopSignal)
}

func (s Stdout) appendPayload(b []byte) []byte    { return append(b, s.Data...) }
func (s Stderr) appendPayload(b []byte) []byte    { return append(b, s.Data...) }
func (w Window) appendPayload(b []byte) []byte    { return frame.AppendU32(b, w.Bytes) }
func (StdinClosed) appendPayload(b []byte) []byte { return b }
func (t Text) appendPayload(b []byte) []byte      { return append(b, t.Line...) }

func (e Exit) appendPayload(b []byte) []byte {
	return append(b, e.Status, e.Signal, byte(flag(e.OutOfMemory, flagOutOfMemory)|flag(e.Own, flagOwn)))
}

// decodePayload decodes a message without data. b has a size that
// [payloadSizes] allows.
func decodePayload(kind byte, b []byte) (Message, error) {
	u16 := func(i int) uint16 { return frame.U16(b[i:]) }
	var m Message
	unknown := uint16(0) // flags
	switch kind {
	case kindHello:
		if string(b[:len(magic)]) != magic {
			return nil, wrong(ErrMessage, "Hello does not begin with "+magic)
		}
		b = b[len(magic):]
		m = Hello{
			Version: u16(0), Terminal: u16(2)&flagTerminal != 0, Stdin: u16(2)&flagStdin != 0,
			Rows: u16(4), Cols: u16(6),
		}
		if u16(0) > Version {
			break // what else it says is ignored, as the answer tells
		}
		if len(b) > int(helloSize)-len(magic) {
			return nil, wrong(ErrMessage, strconv.Itoa(len(b))+" bytes in Hello")
		}
		unknown = u16(2) &^ (flagTerminal | flagStdin)
	case kindStdinEnd:
		m = StdinEnd{}
	case kindResize:
		m = Resize{Rows: u16(0), Cols: u16(2)}
	case kindSignal:
		m = Signal{Number: b[0]}
	case kindStop:
		m = Stop{Grace: frame.U32(b)}
	case kindCloseOutput:
		m = CloseOutput{Stream: b[0]}
	case kindWelcome:
		m = Welcome{Version: u16(0), Terminal: u16(2)&flagTerminal != 0, StopSignal: b[4]}
		unknown = u16(2) &^ flagTerminal
	case kindWindow:
		m = Window{Bytes: frame.U32(b)}
	case kindStdinClosed:
		m = StdinClosed{}
	case kindText:
		m = Text{Line: string(b)}
	case kindExit:
		m = Exit{Status: b[0], Signal: b[1], OutOfMemory: b[2]&flagOutOfMemory != 0, Own: b[2]&flagOwn != 0}
		unknown = uint16(b[2]) &^ (flagOutOfMemory | flagOwn)
	}
	if unknown != 0 {
		return nil, wrong(ErrMessage, "unknown flags "+strconv.Itoa(int(unknown)))
	}
	return m, m.check()
}

// The checks hold for every message that is sent and for every one received.

func (h Hello) check() error {
	if h.Version == 0 {
		return wrong(ErrMessage, "there is no version 0")
	}
	return nil
}

func (s Stdin) check() error     { return checkData(s.Data) }
func (StdinEnd) check() error    { return nil }
func (Resize) check() error      { return nil }
func (s Signal) check() error    { return checkSignal(s.Number) }
func (Stop) check() error        { return nil }
func (s Stdout) check() error    { return checkData(s.Data) }
func (s Stderr) check() error    { return checkData(s.Data) }
func (StdinClosed) check() error { return nil }

func (c CloseOutput) check() error {
	if c.Stream != 1 && c.Stream != 2 {
		return wrong(ErrMessage, "stream "+strconv.Itoa(int(c.Stream))+" is not an output")
	}
	return nil
}

func (w Welcome) check() error {
	if w.Version == 0 {
		return wrong(ErrMessage, "there is no version 0")
	}
	return checkSignal(w.StopSignal)
}

func (w Window) check() error {
	if w.Bytes == 0 || w.Bytes > MaxCredit {
		return wrong(ErrMessage, "credit of "+strconv.FormatUint(uint64(w.Bytes), 10)+" bytes")
	}
	return nil
}

func (t Text) check() error {
	if t.Line == "" || t.Line != Line(t.Line) {
		return wrong(ErrMessage, "text is not one line of at most "+strconv.Itoa(MaxText)+" bytes")
	}
	return nil
}

func (e Exit) check() error {
	if e.Signal != 0 && (e.Signal > 64 || e.Status != 128+e.Signal || e.Own) {
		return wrong(ErrMessage, "status "+strconv.Itoa(int(e.Status))+" does not belong to signal "+strconv.Itoa(int(e.Signal)))
	}
	return nil
}

func checkData(b []byte) error {
	if len(b) == 0 || len(b) > MaxPayload {
		return wrong(ErrMessage, strconv.Itoa(len(b))+" bytes of data in a frame")
	}
	return nil
}

func checkSignal(n uint8) error {
	if n < 1 || n > 64 {
		return wrong(ErrMessage, "signal "+strconv.Itoa(int(n)))
	}
	return nil
}

// Line makes text fit into [Text]: what is not UTF-8 and each control character,
// which a terminal would obey, becomes a question mark, and what is too long is
// cut. Text that fits comes back as it is.
func Line(text string) string {
	end, clean := 0, true
	for end < len(text) {
		r, n := utf8.DecodeRuneInString(text[end:])
		if end+n > MaxText {
			break
		}
		clean = clean && printable(r, n)
		end += n
	}
	text = text[:end]
	if clean {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if printable(r, n) {
			out = append(out, text[i:i+n]...)
		} else {
			out = append(out, '?')
		}
		i += n
	}
	return string(out)
}

// printable takes a rune and the size of its encoding. U+0080 to U+009F are
// control characters too.
func printable(r rune, n int) bool {
	return r >= 0x20 && (r < 0x7f || r > 0x9f) && (r != utf8.RuneError || n > 1)
}
