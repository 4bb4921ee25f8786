// Package frame is how messages are put into a stream of bytes, by the two
// protocols that have messages: agent and attach. A frame is a header and a
// payload:
//
//	offset size
//	0      4    payload size, little endian
//	4      1    kind of message
//	5      1    version of the protocol; zero where its messages agree on one
//	6      2    zero
//
// Integers inside payloads are little endian too.
//
// What kinds there are and how large their payloads may be is each protocol's
// affair, and is to be judged when the header has come, before a payload is waited
// for. The package is part of the guest's init, and uses neither reflection nor fmt.
package frame

// HeaderSize is in bytes.
const HeaderSize = 8

// Header is a frame's.
type Header struct {
	Size          uint32 // of the payload, in bytes
	Kind, Version byte
	// Reserved is zero in a well-formed frame.
	Reserved uint16
}

// Append appends the header.
func (h Header) Append(dst []byte) []byte {
	return AppendU16(append(AppendU32(dst, h.Size), h.Kind, h.Version), h.Reserved)
}

// Begin appends a header without a size, to be completed by End when the payload
// follows it.
func Begin(dst []byte, kind, version byte) []byte {
	return Header{Kind: kind, Version: version}.Append(dst)
}

// End sets the size of the frame that begins b and ends with it, and returns it.
func End(b []byte) (payload int) {
	payload = len(b) - HeaderSize
	AppendU32(b[:0], uint32(payload))
	return payload
}

// Reader takes a stream of frames apart. The zero value is ready. For each frame
// Header is asked first, and then, for the same frame, Payload or Data until it is
// complete. It holds no more than the frame under way as far as it came in pieces.
type Reader struct {
	in   []byte // fed and not consumed; the caller's
	held []byte // the beginning of a frame
}

// Feed gives received bytes, which stay the caller's: they must not change until
// everything in them was consumed. Only then may Feed be called again.
func (r *Reader) Feed(b []byte) {
	if len(r.in) > 0 {
		panic("BUG: frame.Reader fed before it was empty")
	}
	r.in = b
}

// Begun reports whether a header or a payload has come in part.
func (r *Reader) Begun() bool { return len(r.held) > 0 }

// Header returns the header of the frame under way, and whether all of it has
// come.
func (r *Reader) Header() (h Header, ok bool) {
	if !r.hold(HeaderSize) {
		return Header{}, false
	}
	b := r.held
	return Header{Size: U32(b), Kind: b[4], Version: b[5], Reserved: U16(b[6:])}, true
}

// Payload returns the payload of the frame under way, whose header is h, and
// whether all of it has come; then the next frame is under way. The bytes are the
// Reader's, and change with the next call.
func (r *Reader) Payload(h Header) (b []byte, ok bool) {
	end := HeaderSize + int(h.Size)
	if !r.hold(end) {
		return nil, false
	}
	b, r.held = r.held[HeaderSize:end], r.held[:0]
	return b, true
}

// Data ends the frame under way behind its header: the caller takes its payload
// by Take as it comes.
func (r *Reader) Data() { r.held = r.held[:0] }

// Take returns at most n bytes, at least one if there are any, of what Feed was
// given.
func (r *Reader) Take(n uint32) []byte {
	k := int(min(uint64(n), uint64(len(r.in))))
	b := r.in[:k:k]
	r.in = r.in[k:]
	return b
}

// Close gives up what was fed and is held: the stream is dead.
func (r *Reader) Close() { r.in, r.held = nil, nil }

// hold collects a frame's first n bytes in held and reports whether they are all
// there.
func (r *Reader) hold(n int) bool {
	r.held = append(r.held, r.Take(uint32(max(n-len(r.held), 0)))...)
	return len(r.held) >= n
}

// Detail is an error that says more than the one that it wraps.
type Detail struct {
	Err  error
	Text string
}

func (e *Detail) Error() string { return e.Err.Error() + ": " + e.Text }
func (e *Detail) Unwrap() error { return e.Err }

// AppendU16 and its fellows append little-endian integers; package binary of the
// standard library would bring reflection.
func AppendU16(b []byte, v uint16) []byte { return append(b, byte(v), byte(v>>8)) }

func AppendU32(b []byte, v uint32) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func AppendU64(b []byte, v uint64) []byte { return AppendU32(AppendU32(b, uint32(v)), uint32(v>>32)) }

// U16 and its fellows read the integer that b begins with.
func U16(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }
func U32(b []byte) uint32 { return uint32(U16(b)) | uint32(U16(b[2:]))<<16 }
func U64(b []byte) uint64 { return uint64(U32(b)) | uint64(U32(b[4:]))<<32 }
