package agent

import (
	"errors"
	"strconv"

	"github.com/c2w/c2w/internal/format/frame"
)

// The frames are those of package frame, each with [Version]. Inside payloads a
// string or byte string is its u32 size and its bytes; a list is its u32 count and
// its elements; a bool is a byte, 0 or 1.
const (
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

// The errors of Append and Parser, to be tested with errors.Is.
var (
	// ErrFrame: the bytes are not a frame; the stream is out of step for good.
	ErrFrame = errors.New("bad contract frame")
	// ErrVersion: the other side was built for another version of the contract.
	ErrVersion = errors.New("contract version differs")
	// ErrMessage: a message violates the rules of its type.
	ErrMessage = errors.New("bad contract message")
)

func wrong(err error, text string) error { return &frame.Detail{Err: err, Text: text} }

// Append appends m's frame to dst. It fails with [ErrMessage], and then returns
// dst as it was, if a decoder would refuse m.
func Append(dst []byte, m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return dst, err
	}
	out := m.appendPayload(frame.Begin(dst, m.kind(), Version))
	if size := frame.End(out[len(dst):]); size > MaxPayload {
		return dst, wrong(ErrMessage, "payload of "+strconv.Itoa(size)+" bytes, at most "+strconv.Itoa(MaxPayload)+" fit (arguments and environment too long?)")
	}
	return out, nil
}

// Parser takes a stream of frames apart. The zero value is ready.
type Parser struct {
	in  frame.Reader
	err error
}

// Feed gives received bytes, which stay the caller's: they must not change until
// Next has returned nil. Only then may Feed be called again.
func (p *Parser) Feed(b []byte) {
	if p.err == nil {
		p.in.Feed(b)
	}
}

// Next returns the next whole message, or nil and no error if more bytes are
// needed. After an error (ErrFrame, ErrVersion or ErrMessage) the stream is
// dead and Next repeats it.
func (p *Parser) Next() (Message, error) {
	if p.err != nil {
		return nil, p.err
	}
	m, err := p.next()
	if err != nil {
		p.err = err
		p.in.Close()
		return nil, err
	}
	return m, nil
}

func (p *Parser) next() (Message, error) {
	h, ok := p.in.Header()
	if !ok {
		return nil, nil
	}
	if err := checkHeader(h); err != nil {
		return nil, err
	}
	b, ok := p.in.Payload(h)
	if !ok {
		return nil, nil
	}
	return decodePayload(h.Kind, b)
}

// checkHeader refuses what can never become a message, before it is waited for.
func checkHeader(h frame.Header) error {
	switch {
	case h.Reserved != 0:
		return wrong(ErrFrame, "reserved bytes are not zero")
	case h.Version != Version:
		return wrong(ErrVersion, "the frame has "+strconv.Itoa(int(h.Version))+", this side speaks "+strconv.Itoa(Version))
	case h.Size > maxPayloadOf(h.Kind):
		return wrong(ErrFrame, "kind "+strconv.Itoa(int(h.Kind))+" with a payload of "+strconv.FormatUint(uint64(h.Size), 10)+" bytes")
	}
	return nil
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
