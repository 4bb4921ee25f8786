package softfloat

import "math/rand/v2"

// operands draws structured random data: special and extreme exponents,
// significands with runs of ones and zeros (carries, near-halfway results),
// and values related to the previous one (cancellation, equal operands).
type operands struct {
	r    *rand.Rand
	last uint64
}

func newOperands(seed uint64) *operands {
	return &operands{r: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))}
}

func (o *operands) next(f format) uint64 {
	w := f.frac + f.exp + 1
	all := uint64(1)<<f.frac - 1
	var frac uint64
	switch o.r.IntN(6) {
	case 0:
		frac = 0
	case 1:
		frac = all
	case 2: // a few high bits
		frac = o.r.Uint64() << (f.frac - 1 - uint(o.r.IntN(int(f.frac))))
	case 3: // a few low bits, perhaps negative
		frac = uint64(int64(o.r.IntN(17) - 8))
	case 4: // two runs
		frac = (1<<uint(o.r.IntN(int(f.frac))) - 1) ^ (1 << uint(o.r.IntN(int(f.frac)))) - uint64(o.r.IntN(2))
	default:
		frac = o.r.Uint64()
	}
	top := 1<<f.exp - 1
	var exp int
	switch o.r.IntN(8) {
	case 0:
		exp = 0
	case 1:
		exp = o.r.IntN(4)
	case 2:
		exp = top - o.r.IntN(4)
	case 3:
		exp = f.bias() + o.r.IntN(5) - 2
	case 4: // integers near the bounds of the integer types
		exp = f.bias() + o.r.IntN(68)
	case 5: // near the previous operand
		exp = int(o.last>>f.frac)&top + o.r.IntN(2*int(f.frac)+8) - int(f.frac) - 4
		if exp < 0 || exp > top {
			exp = o.r.IntN(top + 1)
		}
	default:
		exp = o.r.IntN(top + 1)
	}
	x := uint64(o.r.IntN(2))<<(w-1) | uint64(exp)<<f.frac | frac&all
	if o.r.IntN(16) == 0 { // the previous operand, or a neighbour of it
		x = (o.last + uint64(int64(o.r.IntN(3)-1))) & (1<<(w-1)<<1 - 1)
		if o.r.IntN(2) == 0 {
			x ^= 1 << (w - 1)
		}
	}
	o.last = x
	return x
}

func (o *operands) next64() uint64 { return o.next(binary64) }
func (o *operands) next32() uint32 { return uint32(o.next(binary32)) }
