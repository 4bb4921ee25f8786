package lz4

// wild is how many bytes the fast path may touch behind what it copies.
const wild = 32

// Decode unpacks src into dst, which must have exactly the length of the
// unpacked data. It reads and writes nothing outside src and dst whatever src
// holds.
func Decode(dst, src []byte) error {
	d, s := 0, 0
	for s < len(src) {
		token := int(src[s])
		s++
		lit := token >> 4
		// Most sequences have at most 14 literals and a match of at most 18
		// bytes that does not overlap the 8 bytes before it: three blind
		// copies, as long as both buffers have room for what they overrun.
		if lit < 15 && s+wild <= len(src) && d+2*wild <= len(dst) {
			in, out := src[s:s+16], dst[d:d+16]
			le.PutUint64(out, le.Uint64(in))
			le.PutUint64(out[8:], le.Uint64(in[8:]))
			s += lit
			d += lit
			off := int(le.Uint16(src[s:]))
			s += 2
			n := token & 15
			if from := d - off; n < 15 && off >= 8 && from >= 0 {
				in, out := dst[from:from+24], dst[d:d+24]
				le.PutUint64(out, le.Uint64(in))
				le.PutUint64(out[8:], le.Uint64(in[8:]))
				le.PutUint64(out[16:], le.Uint64(in[16:]))
				d += n + 4
				continue
			}
			var err error
			if d, s, err = match(dst, src, d, s, off, n); err != nil {
				return err
			}
			continue
		}
		if lit == 15 {
			var ok bool
			if lit, s, ok = length(src, s, lit); !ok {
				return ErrCorrupt
			}
		}
		if lit > len(src)-s || lit > len(dst)-d {
			return ErrCorrupt
		}
		copy(dst[d:d+lit], src[s:s+lit])
		s += lit
		d += lit
		if s == len(src) { // the last sequence has no match
			break
		}
		if s+2 > len(src) {
			return ErrCorrupt
		}
		off := int(le.Uint16(src[s:]))
		var err error
		if d, s, err = match(dst, src, d, s+2, off, token&15); err != nil {
			return err
		}
	}
	if d != len(dst) {
		return ErrCorrupt
	}
	return nil
}

// match copies a match whose length may go on at src[s:].
func match(dst, src []byte, d, s, off, n int) (int, int, error) {
	if n == 15 {
		var ok bool
		if n, s, ok = length(src, s, n); !ok {
			return 0, 0, ErrCorrupt
		}
	}
	n += 4
	from := d - off
	if off == 0 || from < 0 || n > len(dst)-d {
		return 0, 0, ErrCorrupt
	}
	// An overlapping match repeats its first off bytes: double them.
	for n > off {
		copy(dst[d:d+off], dst[from:])
		d += off
		n -= off
		off *= 2
	}
	copy(dst[d:d+n], dst[from:])
	return d + n, s, nil
}

// length adds the bytes at src[s:] that continue a length. It cannot overflow:
// 255 times the length of any slice fits.
func length(src []byte, s, n int) (int, int, bool) {
	for s < len(src) {
		b := src[s]
		s++
		n += int(b)
		if b != 255 {
			return n, s, true
		}
	}
	return 0, 0, false
}
