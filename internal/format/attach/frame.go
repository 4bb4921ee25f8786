package attach

import (
	"errors"
	"strconv"

	"github.com/c2w/c2w/internal/format/frame"
)

// The frames are those of package frame. Their version is zero: Hello and Welcome
// agree on one.
const (
	// HeaderSize is frame's.
	HeaderSize = frame.HeaderSize
	// MaxPayload bounds a frame's payload, and so a frame's data, in bytes. A
	// receiver passes data on piece by piece and need not hold a frame; the
	// bound is what a frame may delay another one that is due.
	MaxPayload = 1 << 20
	// MaxCredit bounds the credit that a client may hold, in bytes, so that it
	// never overflows.
	MaxCredit = 1 << 30
	// MaxText bounds Text.Line, in bytes.
	MaxText = 4 << 10
)

// The errors of Append and Parser, to be tested with errors.Is.
var (
	// ErrFrame: the bytes are not a frame of the protocol.
	ErrFrame = errors.New("bad attach frame")
	// ErrMessage: a message violates the rules of its type.
	ErrMessage = errors.New("bad attach message")
	// ErrOrder: a message may not be sent at this point of the conversation.
	ErrOrder = errors.New("attach message out of order")
	// ErrVersion: the other side speaks no version that this one knows.
	ErrVersion = errors.New("attach version not supported")
)

func wrong(err error, text string) error { return &frame.Detail{Err: err, Text: text} }

// Append appends m's frame to dst. It fails with [ErrMessage], and then returns
// dst as it was, if a parser would refuse m wherever it comes.
func Append(dst []byte, m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return dst, err
	}
	out := m.appendPayload(frame.Begin(dst, m.kind(), 0))
	frame.End(out[len(dst):])
	return out, nil
}

// StdinHeader is the header of a [Stdin] frame whose data, 1 to [MaxPayload]
// bytes, is written behind it without being copied. StdoutHeader and
// StderrHeader are its fellows.
func StdinHeader(size int) [HeaderSize]byte  { return dataHeader(kindStdin, size) }
func StdoutHeader(size int) [HeaderSize]byte { return dataHeader(kindStdout, size) }
func StderrHeader(size int) [HeaderSize]byte { return dataHeader(kindStderr, size) }

func dataHeader(kind byte, size int) [HeaderSize]byte {
	if size < 1 || size > MaxPayload {
		panic("BUG: attach frame with " + strconv.Itoa(size) + " bytes of data")
	}
	var b [HeaderSize]byte
	frame.Header{Size: uint32(size), Kind: kind}.Append(b[:0])
	return b
}

// Parser takes one side's stream of frames apart and holds it to the order of
// the conversation. The zero value is ready for a client's stream; set From
// before the first Feed for a machine's. It never holds more than a frame
// without data, MaxText and some bytes.
type Parser struct {
	From Side

	in   frame.Reader
	left uint32 // bytes of a data frame that have not come yet, its kind in data
	data byte
	order
	err error
}

// Feed gives received bytes, which stay the caller's: they must not change until
// Next has returned nil. Only then may Feed be called again.
func (p *Parser) Feed(b []byte) {
	if p.err == nil {
		p.in.Feed(b)
	}
}

// Pending reports whether the stream may not end here: a frame has begun and is
// not complete. It is meaningful when Next has returned nil.
func (p *Parser) Pending() bool { return p.left > 0 || p.in.Begun() }

// Next returns the next message, or nil and no error if more bytes are needed.
// The data of Stdin, Stdout and Stderr lies in what Feed was given; a frame's
// data that was fed in pieces comes in as many messages. After an error
// (ErrFrame, ErrMessage, ErrOrder, ErrVersion) the stream is dead and Next
// repeats it.
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
	if p.left == 0 {
		h, ok := p.in.Header()
		if !ok {
			return nil, nil
		}
		if err := p.checkHeader(h); err != nil {
			return nil, err
		}
		if !carriesData(h.Kind) {
			b, ok := p.in.Payload(h)
			if !ok {
				return nil, nil
			}
			m, err := decodePayload(h.Kind, b)
			if err != nil {
				return nil, err
			}
			return m, p.passed(p.From, m)
		}
		if err := p.spend(h.Kind, h.Size); err != nil {
			return nil, err
		}
		p.in.Data()
		p.left, p.data = h.Size, h.Kind
	}
	b := p.in.Take(p.left)
	if len(b) == 0 {
		return nil, nil
	}
	p.left -= uint32(len(b))
	switch p.data {
	case kindStdin:
		return Stdin{b}, nil
	case kindStdout:
		return Stdout{b}, nil
	}
	return Stderr{b}, nil
}

func carriesData(kind byte) bool {
	return kind == kindStdin || kind == kindStdout || kind == kindStderr
}

// checkHeader refuses what can never become a message, before it is waited for.
func (p *Parser) checkHeader(h frame.Header) error {
	if h.Version != 0 || h.Reserved != 0 {
		return wrong(ErrFrame, "reserved bytes are not zero")
	}
	kind, size := h.Kind, h.Size
	low, high := payloadSizes(kind)
	if high == 0 && kind != kindStdinEnd && kind != kindStdinClosed {
		return wrong(ErrFrame, "unknown kind "+strconv.Itoa(int(kind)))
	}
	if size < low || size > high {
		return wrong(ErrFrame, "kind "+strconv.Itoa(int(kind))+" with a payload of "+strconv.FormatUint(uint64(size), 10)+" bytes")
	}
	return p.allowed(p.From, kind)
}

// payloadSizes are the smallest and the largest payload of a kind.
func payloadSizes(kind byte) (low, high uint32) {
	switch kind {
	case kindStdin, kindStdout, kindStderr:
		return 1, MaxPayload
	case kindText:
		return 1, MaxText
	case kindHello:
		return helloSize, maxHello
	case kindWelcome:
		return 5, 5
	case kindResize, kindStop, kindWindow:
		return 4, 4
	case kindExit:
		return 3, 3
	case kindSignal, kindCloseOutput:
		return 1, 1
	}
	return 0, 0
}
