package softfloat

import "testing"

// Operands of ordinary size, so that the benchmarks time the usual path.
var benchA, benchB, benchC = func() (a, b, c [256]uint64) {
	o := newOperands(9)
	for i := range a {
		for _, p := range []*uint64{&a[i], &b[i], &c[i]} {
			*p = o.r.Uint64()&^(0x7ff<<52|1<<63) | uint64(1020+o.r.IntN(6))<<52
		}
	}
	return
}()

func BenchmarkExact(b *testing.B) {
	for _, i := range instructions {
		switch i.name {
		case "fadd.d", "fmul.d", "fdiv.d", "fsqrt.d", "fmadd.d", "fcvt.l.d", "fcvt.d.l", "fcvt.s.d", "flt.d":
			b.Run(i.name, func(b *testing.B) {
				var fl Flags
				for n := 0; b.Loop(); n++ {
					k := n & 255
					i.fn(benchA[k], benchB[k], benchC[k], RNE, &fl)
				}
			})
		}
	}
}

func BenchmarkFast(b *testing.B) {
	for _, op := range fastOps {
		if op.sticky == nil {
			continue
		}
		b.Run(op.name, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				k := n & 255
				op.sticky(benchA[k], benchB[k], benchC[k])
			}
		})
	}
}
