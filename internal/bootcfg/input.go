package bootcfg

// The control characters of a console without a terminal (Spec.Terminal false).
// Init keeps the line discipline in canonical mode, the only one that has an
// end of file, and disables every special character but these two.
const (
	// InputEOF (^D) hands what was typed so far to the reader; with nothing
	// typed, the reader sees the end of file.
	InputEOF = 0x04
	// InputQuote (^V) makes the next byte an ordinary one.
	InputQuote = 0x16
	// inputLine is when an unfinished line is handed over: the line discipline
	// drops what exceeds 4095 bytes of one.
	inputLine = 2048
)

// InputEncoder writes a stream of arbitrary bytes, and its end, in the form in
// which the guest's console must receive them so that the program reads exactly
// these bytes. The zero value is at the beginning of the stream.
type InputEncoder struct {
	pending int // bytes of the unfinished line that are not handed over yet
}

// Append appends the encoding of p to dst.
func (e *InputEncoder) Append(dst, p []byte) []byte {
	for _, c := range p {
		if c == InputEOF || c == InputQuote {
			dst = append(dst, InputQuote)
		}
		dst = append(dst, c)
		e.pending++
		switch {
		case c == '\n':
			e.pending = 0
		case e.pending == inputLine:
			dst = append(dst, InputEOF)
			e.pending = 0
		}
	}
	return dst
}

// Flush appends what makes an unfinished line readable, or nothing.
func (e *InputEncoder) Flush(dst []byte) []byte {
	if e.pending == 0 {
		return dst
	}
	e.pending = 0
	return append(dst, InputEOF)
}

// AppendEOF appends the end of the stream.
func (e *InputEncoder) AppendEOF(dst []byte) []byte {
	return append(e.Flush(dst), InputEOF)
}
