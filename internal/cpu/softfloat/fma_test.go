package softfloat

import (
	"math"
	"testing"
)

// sparse is ±(1 + two signed powers of two) × 2^exp: products and sums of such
// numbers lie on, just above and just below the middle between two numbers.
func (o *operands) sparse(exp, width int) float64 {
	u := o.r.Uint64()
	x := 1.0
	for range 2 {
		bit := math.Float64frombits(uint64(1023-int(u>>8&255)%(width+1)) << 52)
		if u&1 != 0 {
			bit = -bit
		}
		if s := x + bit; u&2 != 0 && s != 0 {
			x = s
		}
		u >>= 16
	}
	if u&1 != 0 {
		x = -x
	}
	return math.Ldexp(x, exp)
}

// TestFMAFrozen holds cases whose rounded sum of errors lies half way between
// two results, or whose partial products are not exact in a symmetric split.
func TestFMAFrozen(t *testing.T) {
	for _, c := range [][3]float64{
		{0x1.00001p-136, 0x1.ffffffff8p-138, -0x1.0000000000001p-327},
		{f64(0x4000000), f64(0x50bfffffffffffff), f64(0xfffffffffffff)},
	} {
		want := math.FMA(c[0], c[1], c[2])
		if got, ok := StickyFMA64(c[0], c[1], c[2]); got != want || !ok {
			t.Errorf("StickyFMA64(%x) = %x, %v, want %x", c, got, ok, want)
		}
	}
	a, b, c := float32(-0x1.08p+00), float32(0x1.ffffcp-01), float32(0x1.ffep-60)
	if got, ok := StickyFMA32(a, b, c); got != -0x1.07ffdep+00 || !ok {
		t.Errorf("StickyFMA32(%x, %x, %x) = %x, %v", a, b, c, got, ok)
	}
}

// TestFMANearTies aims at double rounding: it compares the fast paths with the
// host's fused operation, fast enough for hundreds of millions of cases by
// -cases.
func TestFMANearTies(t *testing.T) {
	o := newOperands(7)
	var accepted64, accepted32, ties, large int
	n := *cases * 2
	for range n {
		u := o.r.Uint64()
		var a, b, c float64
		if u&3 == 0 { // cancellation: c is -a×b but for some low bits
			a, b = f64(1023<<52|u>>12), f64(1023<<52|o.r.Uint64()>>12)
			c = f64(math.Float64bits(-(a * b)) + (u>>2&7 - 4))
		} else {
			a, b = o.sparse(0, 52), o.sparse(0, 52)
			c = o.sparse(int(u>>8&127)-63, 52)
		}
		if u&4 != 0 { // towards the ends of the stated range
			e := int(u>>16%1700) - 850
			a, c = math.Ldexp(a, e/2), math.Ldexp(c, e)
			b = math.Ldexp(b, e-e/2)
		}
		want := math.FMA(a, b, c)
		got, ok := StickyFMA64(a, b, c)
		if !ok || math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("StickyFMA64(%x, %x, %x) = %x, %v, want %x", a, b, c, got, ok, want)
		}
		accepted64++
		if got, ok := LargeFMA64(a, b, c); ok {
			if large++; math.Float64bits(got) != math.Float64bits(want) {
				t.Fatalf("LargeFMA64(%x, %x, %x) = %x, want %x", a, b, c, got, want)
			}
		}
		if p := a * b; math.Float64bits(p+c) != math.Float64bits(want) {
			ties++
		}

		d, e, f := float32(o.sparse(0, 23)), float32(o.sparse(0, 23)), float32(o.sparse(int(u>>8&127)-63, 23))
		g, ok := StickyFMA32(d, e, f)
		if ok {
			var fl Flags
			w := FMA32(math.Float32bits(d), math.Float32bits(e), math.Float32bits(f), RNE, &fl)
			if accepted32++; math.Float32bits(g) != w {
				t.Fatalf("StickyFMA32(%x, %x, %x) = %x, want %x", d, e, f, g, f32(w))
			}
		}
	}
	t.Logf("%d and %d cases, %d with a large addend; %d differ from two roundings", accepted64, accepted32, large, ties)
	if large < n/10 {
		t.Errorf("LargeFMA64 accepts only %d of %d", large, n)
	}
	if accepted32 < n*9/10 || ties < n/50 {
		t.Errorf("only %d binary32 cases and %d double roundings in %d", accepted32, ties, n)
	}
}

// TestFMALarge aims at the middles between results that a product nearly
// reaches, at any exponent: sums at powers of two, products that end in zeros,
// just below a middle, tiny ones, overflow. What LargeFMA64 accepts raises
// nothing but NX.
func TestFMALarge(t *testing.T) {
	o := newOperands(11)
	accepted := 0
	for range *cases {
		u := o.r.Uint64()
		a, b := o.sparse(0, 52), o.sparse(0, 52)
		c := o.sparse(0, 52)
		if u&1 != 0 {
			a, b = f64(1023<<52|o.r.Uint64()>>12), f64(1023<<52|o.r.Uint64()>>12)
		}
		if u&2 != 0 {
			b = 1 / a // nearly a power of two
		}
		if u&4 != 0 {
			c = 1
		}
		c = math.Ldexp(c, int(u>>8%120)-20)
		switch e := int(u >> 20 % 2200); u >> 4 & 3 {
		case 0: // anywhere
			e -= 1100
			a, b, c = math.Ldexp(a, e/2), math.Ldexp(b, e-e/2), math.Ldexp(c, e)
		case 1: // where the addend is as small as may be
			c = math.Ldexp(c, -850-e%60)
			a, b = math.Ldexp(a, -400-e%200), math.Ldexp(b, -400-e%100)
		case 2: // overflow
			c = math.Ldexp(c, 1023-e%60)
			a, b = math.Ldexp(a, 500-e%40), math.Ldexp(b, 500-e%50)
		}
		got, ok := LargeFMA64(a, b, c)
		if !ok {
			continue
		}
		accepted++
		var fl Flags
		want := FMA64(math.Float64bits(a), math.Float64bits(b), math.Float64bits(c), RNE, &fl)
		if math.Float64bits(got) != want || fl&^NX != 0 {
			t.Fatalf("LargeFMA64(%x, %x, %x) = %x, want %x, flags %v", a, b, c, got, f64(want), fl)
		}
	}
	t.Logf("%d of %d accepted", accepted, *cases)
	if accepted < *cases/10 {
		t.Errorf("only %d of %d accepted", accepted, *cases)
	}
}
