package wasm

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// errEnd is what every read behind the end of its bytes reports.
var errEnd = errors.New("the bytes end too early")

var (
	errLong = errors.New("a LEB128 number is longer or larger than its type allows")
	errUTF8 = errors.New("a name is not UTF-8")
)

// decoder reads values from b. The first error sticks, and what is read after
// it is zero, so that callers check once; loops over counted items are bounded
// by the bytes that are left, since every item takes at least one.
type decoder struct {
	b   []byte
	pos int
	err error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.pos = len(d.b)
}

func (d *decoder) failf(format string, args ...any) {
	if d.err == nil {
		d.fail(fmt.Errorf(format, args...))
	}
}

func (d *decoder) more() bool { return d.err == nil && d.pos < len(d.b) }

func (d *decoder) byte() byte {
	if d.pos >= len(d.b) {
		d.fail(errEnd)
		return 0
	}
	d.pos++
	return d.b[d.pos-1]
}

func (d *decoder) bytes(n uint32) []byte {
	if uint64(n) > uint64(len(d.b)-d.pos) {
		d.fail(errEnd)
		return nil
	}
	d.pos += int(n)
	return d.b[d.pos-int(n) : d.pos : d.pos]
}

func (d *decoder) u32() uint32 {
	// The one-byte form is nearly all of real code.
	if d.pos < len(d.b) && d.b[d.pos] < 0x80 {
		d.pos++
		return uint32(d.b[d.pos-1])
	}
	var v uint64
	for shift := 0; ; shift += 7 {
		b := d.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v>>32 != 0 {
				d.fail(errLong)
				return 0
			}
			return uint32(v)
		}
		if shift == 28 {
			d.fail(errLong)
			return 0
		}
	}
}

// signed reads a signed LEB128 of the given width in bits: 32, 33 or 64.
func (d *decoder) signed(width int) int64 {
	var v int64
	for shift := 0; ; shift += 7 {
		b := d.byte()
		if left := width - shift; left < 7 {
			// The last byte of the longest form: the bits beyond the width
			// must repeat the sign.
			top := int8(b<<1) >> left // sign bit, then its copies
			if b >= 0x80 || top != 0 && top != -1 {
				d.fail(errLong)
				return 0
			}
		}
		v |= int64(b&0x7f) << shift
		if b < 0x80 {
			if s := shift + 7; s < 64 {
				v = v << (64 - s) >> (64 - s)
			}
			return v
		}
	}
}

func (d *decoder) name() string {
	b := d.bytes(d.u32())
	if !utf8.Valid(b) {
		d.fail(errUTF8)
		return ""
	}
	return string(b)
}

// count reads the length of a vector whose items take at least min bytes.
func (d *decoder) count(min int) int {
	n := d.u32()
	if uint64(n)*uint64(min) > uint64(len(d.b)-d.pos) {
		d.failf("a vector of %d items does not fit the %d bytes left", n, len(d.b)-d.pos)
		return 0
	}
	return int(n)
}

func (d *decoder) flag(what string) bool {
	switch b := d.byte(); b {
	case 0:
		return false
	case 1:
		return true
	default:
		d.failf("%s: byte %#x is neither 0 nor 1", what, b)
		return false
	}
}

func (d *decoder) valType() ValType {
	t := ValType(d.byte())
	if d.err == nil && !t.valid() {
		d.failf("%#x is no value type", byte(t))
	}
	return t
}

func (d *decoder) refType() ValType {
	t := ValType(d.byte())
	if d.err == nil && !t.reference() {
		d.failf("%#x is no reference type", byte(t))
	}
	return t
}
