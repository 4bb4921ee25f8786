package agent

import (
	"errors"
	"strconv"
)

// A frame is a header of HeaderSize bytes and a payload:
//
//	offset size
//	0      3    the bytes "c2w"
//	3      1    Version
//	4      1    kind
//	5      3    zero
//	8      4    payload size, little endian
//
// Inside payloads integers are little endian; a string or byte string is its
// u32 size and its bytes; a list is its u32 count and its elements; a bool is a
// byte, 0 or 1.
const (
	HeaderSize = 12
	// MaxPayload bounds a frame's payload in bytes. Linux gives a new program's
	// arguments and environment 2 MiB together (a quarter of the default stack),
	// and refuses longer ones itself; the rest is for the other fields.
	MaxPayload = 3 << 20
	// MaxEntropy bounds Spec.Entropy in bytes: the generator's own seed is 32.
	MaxEntropy = 64
	// MaxErrorText bounds Error.Text in bytes, for it comes from the guest and
	// is shown to a person.
	MaxErrorText = 4 << 10
)

const magic = "c2w"

// The errors of Append and Parser, to be tested with errors.Is.
var (
	// ErrFrame: the bytes are not a frame; the stream is out of step for good.
	ErrFrame = errors.New("bad contract frame")
	// ErrVersion: the other side was built for another version of the contract.
	ErrVersion = errors.New("contract version differs")
	// ErrMessage: a message violates the rules of its type.
	ErrMessage = errors.New("bad contract message")
)

type detail struct {
	text string
	err  error
}

func (e *detail) Error() string { return e.err.Error() + ": " + e.text }
func (e *detail) Unwrap() error { return e.err }

func wrong(err error, text string) error { return &detail{text, err} }

// Append appends m's frame to dst. It fails with [ErrMessage], and then returns
// dst as it was, if a decoder would refuse m.
func Append(dst []byte, m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return dst, err
	}
	start := len(dst)
	out := append(dst, magic...)
	out = append(out, Version, m.kind(), 0, 0, 0, 0, 0, 0, 0)
	out = m.appendPayload(out)
	size := len(out) - start - HeaderSize
	if size > MaxPayload {
		return dst, wrong(ErrMessage, "payload of "+strconv.Itoa(size)+" bytes, at most "+strconv.Itoa(MaxPayload)+" fit (arguments and environment too long?)")
	}
	h := out[start:]
	h[8], h[9], h[10], h[11] = byte(size), byte(size>>8), byte(size>>16), byte(size>>24)
	return out, nil
}

// Parser takes a stream of frames apart. The zero value is ready. It never
// holds more than one frame beyond what the caller gave it in one Feed.
type Parser struct {
	buf []byte
	err error
}

// Feed adds received bytes. It copies p.
func (p *Parser) Feed(b []byte) {
	if p.err == nil {
		p.buf = append(p.buf, b...)
	}
}

// Next returns the next whole message, or nil and no error if more bytes are
// needed. After an error (ErrFrame, ErrVersion or ErrMessage) the stream is
// dead and Next repeats it.
func (p *Parser) Next() (Message, error) {
	if p.err != nil {
		return nil, p.err
	}
	m, n, err := decode(p.buf)
	if err != nil {
		p.err, p.buf = err, nil
		return nil, err
	}
	if m != nil {
		p.buf = append(p.buf[:0], p.buf[n:]...)
	}
	return m, nil
}

// decode returns b's first message and its frame's size, or nil if b is only
// the beginning of one. The header is judged byte by byte as it arrives, so
// that rubbish is refused at once instead of being waited for.
func decode(b []byte) (Message, int, error) {
	for i := 0; i < len(magic) && i < len(b); i++ {
		if b[i] != magic[i] {
			return nil, 0, wrong(ErrFrame, "it does not begin with "+magic)
		}
	}
	if len(b) > 3 && b[3] != Version {
		return nil, 0, wrong(ErrVersion, "the frame has "+strconv.Itoa(int(b[3]))+", this side speaks "+strconv.Itoa(Version))
	}
	if len(b) < HeaderSize {
		return nil, 0, nil
	}
	if b[5]|b[6]|b[7] != 0 {
		return nil, 0, wrong(ErrFrame, "reserved bytes are not zero")
	}
	size := uint32(b[8]) | uint32(b[9])<<8 | uint32(b[10])<<16 | uint32(b[11])<<24
	if size > maxPayloadOf(b[4]) {
		return nil, 0, wrong(ErrFrame, "kind "+strconv.Itoa(int(b[4]))+" with a payload of "+strconv.FormatUint(uint64(size), 10)+" bytes")
	}
	end := HeaderSize + int(size)
	if len(b) < end {
		return nil, 0, nil
	}
	m, err := decodePayload(b[4], b[HeaderSize:end])
	if err != nil {
		return nil, 0, err
	}
	return m, end, nil
}

// maxPayloadOf keeps a side from buffering more than its peer may mean. An
// unknown kind has no payload, and is refused when it is decoded.
func maxPayloadOf(kind byte) uint32 {
	switch kind {
	case kindSpec, kindBoot:
		return MaxPayload
	case kindExit:
		return 3
	case kindError:
		return 1 + 4 + MaxErrorText
	case kindClose:
		return 1
	case kindSignal:
		return 2
	case kindResize:
		return 4
	case kindStop:
		return 6
	}
	return 0
}
