package lz4

import "math/bits"

// MaxBlock is the largest block that Encode takes, in bytes: within it every
// position is in reach of every offset and fits 16 bits.
const MaxBlock = 1 << 16

const (
	hashBits = 16
	// depth is how many earlier places with the same hash are looked at. On a
	// Debian root in blocks of 64 KiB, 4, 8 and 16 give 3.9, 2.2 and 1.0 % more
	// bytes than 32, in 0.55, 0.65 and 0.8 of its time.
	depth = 8
	// good is a match that is taken without looking for a longer one or
	// considering its shorter forms. Without it: 0.2 % less, half as long again.
	good = 32
	// Prices of the parse, in sixteenths of a byte. A sequence costs a bit
	// more than its bytes, because unpacking time goes by sequences.
	priceByte = 16
	priceSeq  = 3*priceByte + 4
)

// Encoder packs blocks one after the other; it only keeps its memory.
// The zero value is ready. It is not safe for concurrent use.
type Encoder struct {
	head   [1 << hashBits]uint16 // newest position with this hash, plus 1
	prev   [MaxBlock]uint16      // the position before with the same hash, plus 1
	length [MaxBlock]uint16      // of the longest match at a position, then of the chosen one
	offset [MaxBlock]uint16
	price  [MaxBlock + 1]uint32 // of the cheapest parse from a position to the end
}

// Encode appends src, of at most MaxBlock bytes, packed, to dst. The result
// depends on src alone.
func (e *Encoder) Encode(dst, src []byte) []byte {
	if len(src) > MaxBlock {
		panic("BUG: lz4 block is longer than MaxBlock")
	}
	e.find(src)
	e.parse(len(src))
	lit := 0
	for i := 0; i < len(src); {
		n := int(e.length[i])
		if n == 0 {
			i++
			continue
		}
		dst = sequence(dst, src[lit:i], n-minMatch)
		dst = le.AppendUint16(dst, e.offset[i])
		if n-minMatch >= 15 {
			dst = extend(dst, n-minMatch-15)
		}
		i += n
		lit = i
	}
	return sequence(dst, src[lit:], 0)
}

// sequence appends token and literals; match is the length in the token.
func sequence(dst, lit []byte, match int) []byte {
	dst = append(dst, byte(min(len(lit), 15)<<4|min(match, 15)))
	if len(lit) >= 15 {
		dst = extend(dst, len(lit)-15)
	}
	return append(dst, lit...)
}

func extend(dst []byte, n int) []byte {
	for ; n >= 255; n -= 255 {
		dst = append(dst, 255)
	}
	return append(dst, byte(n))
}

// find sets length and offset to the longest match at each position.
func (e *Encoder) find(src []byte) {
	clear(e.head[:])
	length, offset := e.length[:len(src)], e.offset[:len(src)]
	clear(length)
	end := len(src) - lastEnd // matches end here at the latest
	last := 0                 // length of the match at i-1
	for i := 0; i+lastStart <= len(src); i++ {
		h := le.Uint32(src[i:]) * 2654435761 >> (32 - hashBits)
		cand := int(e.head[h]) - 1
		e.prev[i] = e.head[h]
		e.head[h] = uint16(i + 1)
		// Inside a long match the rest of it is nearly always the longest.
		if last > good {
			last--
			length[i], offset[i] = uint16(last), offset[i-1]
			continue
		}
		best, at := minMatch-1, 0
		// A longer match has the same four bytes up to where best ends.
		word := le.Uint32(src[i:])
		for d := depth; d > 0 && cand >= 0; d-- {
			if word == le.Uint32(src[cand+best-3:]) {
				if n := common(src[cand:end], src[i:end]); n > best {
					best, at = n, cand
					if n >= good || i+n >= end {
						break
					}
					word = le.Uint32(src[i+best-3:])
				}
			}
			cand = int(e.prev[cand]) - 1
		}
		last = 0
		if best >= minMatch {
			last = best
			length[i], offset[i] = uint16(last), uint16(i-at)
		}
	}
}

// common returns how many bytes a and b, the shorter one, have in common.
func common(a, b []byte) int {
	n := 0
	for n+8 <= len(b) {
		if x := le.Uint64(a[n:]) ^ le.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
		n += 8
	}
	for n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// parse chooses, from the end backwards, at each position the cheaper of a
// literal and a match of any length up to the longest, and leaves the chosen
// length in e.length, 0 for a literal.
func (e *Encoder) parse(n int) {
	e.price[n] = 0
	run := 0 // literals from here on
	for i := n - 1; i >= 0; i-- {
		best, length := e.price[i+1]+priceByte, 0
		if run+1 >= 15 && (run+1-15)%255 == 0 {
			best += priceByte
		}
		if m := int(e.length[i]); m >= minMatch {
			from := minMatch
			if m > good {
				from = m
			}
			for l := from; l <= m; l++ {
				p := e.price[i+l] + priceSeq
				if l >= minMatch+15 {
					p += priceByte * uint32(1+(l-minMatch-15)/255)
				}
				if p <= best {
					best, length = p, l
				}
			}
		}
		if e.price[i], e.length[i] = best, uint16(length); length == 0 {
			run++
		} else {
			run = 0
		}
	}
}
