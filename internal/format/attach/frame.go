package attach

import (
	"errors"
	"strconv"
)

// A frame is a header of HeaderSize bytes and a payload:
//
//	offset size
//	0      4    payload size, little endian
//	4      1    kind
//	5      3    zero
const (
	HeaderSize = 8
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

type detail struct {
	text string
	err  error
}

func (e *detail) Error() string { return e.err.Error() + ": " + e.text }
func (e *detail) Unwrap() error { return e.err }

func wrong(err error, text string) error { return &detail{text, err} }

// Append appends m's frame to dst. It fails with [ErrMessage], and then returns
// dst as it was, if a parser would refuse m wherever it comes.
func Append(dst []byte, m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return dst, err
	}
	start := len(dst)
	out := m.appendPayload(append(dst, 0, 0, 0, 0, m.kind(), 0, 0, 0))
	putSize(out[start:], len(out)-start-HeaderSize)
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
	h := [HeaderSize]byte{4: kind}
	putSize(h[:], size)
	return h
}

func putSize(h []byte, n int) {
	h[0], h[1], h[2], h[3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
}

// Parser takes one side's stream of frames apart and holds it to the order of
// the conversation. The zero value is ready for a client's stream; set From
// before the first Feed for a machine's. It never holds more than a frame
// without data, MaxText and some bytes.
type Parser struct {
	From Side

	in   []byte // fed and not consumed; the caller's
	held []byte // the beginning of a frame without data, or of a header
	left uint32 // bytes of a data frame that have not come yet, its kind in data
	data byte
	order
	err error
}

// Feed gives received bytes, which stay the caller's: they must not change until
// Next has returned nil. Only then may Feed be called again.
func (p *Parser) Feed(b []byte) {
	if len(p.in) > 0 && p.err == nil {
		panic("BUG: attach.Parser fed before it was empty")
	}
	p.in = b
}

// Pending reports whether the stream may not end here: a frame has begun and is
// not complete. It is meaningful when Next has returned nil.
func (p *Parser) Pending() bool { return p.left > 0 || len(p.held) > 0 }

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
		p.err, p.in, p.held = err, nil, nil
		return nil, err
	}
	return m, nil
}

func (p *Parser) next() (Message, error) {
	if p.left == 0 {
		if !p.hold(HeaderSize) {
			return nil, nil
		}
		h := p.held
		kind := h[4]
		size := uint32(h[0]) | uint32(h[1])<<8 | uint32(h[2])<<16 | uint32(h[3])<<24
		if h[5]|h[6]|h[7] != 0 {
			return nil, wrong(ErrFrame, "reserved bytes are not zero")
		}
		if err := p.checkHeader(kind, size); err != nil {
			return nil, err
		}
		if !carriesData(kind) {
			if !p.hold(HeaderSize + int(size)) {
				return nil, nil
			}
			m, err := decodePayload(kind, p.held[HeaderSize:])
			if err != nil {
				return nil, err
			}
			p.held = p.held[:0]
			return m, p.passed(p.From, m)
		}
		if err := p.spend(kind, size); err != nil {
			return nil, err
		}
		p.left, p.data, p.held = size, kind, p.held[:0]
	}
	n := min(int(p.left), len(p.in))
	if n == 0 {
		return nil, nil
	}
	b := p.in[:n:n]
	p.in, p.left = p.in[n:], p.left-uint32(n)
	switch p.data {
	case kindStdin:
		return Stdin{b}, nil
	case kindStdout:
		return Stdout{b}, nil
	}
	return Stderr{b}, nil
}

// hold collects a frame's first n bytes in held and reports whether they are
// all there.
func (p *Parser) hold(n int) bool {
	take := min(max(n-len(p.held), 0), len(p.in))
	p.held, p.in = append(p.held, p.in[:take]...), p.in[take:]
	return len(p.held) >= n
}

func carriesData(kind byte) bool {
	return kind == kindStdin || kind == kindStdout || kind == kindStderr
}

// checkHeader refuses what can never become a message, before it is waited for.
func (p *Parser) checkHeader(kind byte, size uint32) error {
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
