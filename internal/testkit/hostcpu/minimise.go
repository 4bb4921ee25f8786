package hostcpu

import "slices"

// Minimise makes a case that fails as small and plain as it can while it fails:
// it leaves out instructions, as far as Starts says where they are, and sets
// registers and memory to what they are in the default state, to zero, or to
// fewer bits. The result cannot be made smaller by any one of these steps.
//
// Fails is asked many times, always about valid cases. It should be true of the
// same failure only, or what comes out may show another.
func Minimise(c Case, fails func(*Case) bool) Case {
	m := minimiser{c, fails}
	m.c.Start = c.Start.Clone()
	for changed := true; changed; {
		changed = m.instructions()
		changed = m.registers() || changed
		changed = m.memory() || changed
	}
	return m.c
}

type minimiser struct {
	c     Case
	fails func(*Case) bool
}

// try keeps a smaller case if it still fails.
func (m *minimiser) try(c Case) bool {
	if c.Validate() != nil || !m.fails(&c) {
		return false
	}
	m.c = c
	return true
}

// instructions leaves out runs of instructions, long ones first.
func (m *minimiser) instructions() (changed bool) {
	for n := len(m.c.Starts); n > 0; n /= 2 {
		for i := 0; i+n <= len(m.c.Starts); {
			if m.try(m.without(i, n)) {
				changed = true
			} else {
				i++
			}
		}
	}
	return changed
}

// without is the case without n instructions from the i-th on.
func (m *minimiser) without(i, n int) Case {
	c := m.c
	from, to := c.Starts[i], len(c.Code)
	if i+n < len(c.Starts) {
		to = c.Starts[i+n]
	}
	c.Code = slices.Concat(c.Code[:from], c.Code[to:])
	c.Starts = slices.Clone(c.Starts[:i])
	for _, s := range m.c.Starts[i+n:] {
		c.Starts = append(c.Starts, s-(to-from))
	}
	return c
}

func (m *minimiser) registers() (changed bool) {
	plain := Default()
	for _, f := range fields {
		if f.name == "rip" {
			continue // where the code is, and whether it crosses a page, matters
		}
		now, def := f.get(&m.c.Start), f.get(&plain)
		if now == def {
			continue
		}
		for _, v := range m.simpler(now, def) {
			c := m.c
			f.set(&c.Start, v)
			if m.try(c) {
				changed = true
				break
			}
		}
	}
	return changed
}

// simpler are values to try in place of one, from the simplest on. Each has
// fewer bits than what it stands for, or is the default, so that an end is
// reached.
func (m *minimiser) simpler(now, def value) []value {
	list := []value{def}
	add := func(v value) {
		if ones(v) < ones(now) {
			list = append(list, v)
		}
	}
	add(value{})
	add(value{1})
	for n := 128; n >= 8; n /= 2 { // low part, high part
		low, high := now, now
		for i := range low {
			keep := uint64(0)
			switch {
			case 64*(i+1) <= n:
				keep = ^uint64(0)
			case 64*i < n:
				keep = 1<<(n-64*i) - 1
			}
			low[i] &= keep
			high[i] &^= keep
		}
		add(low)
		add(high)
	}
	for i, w := range now {
		if w != 0 { // the highest and the lowest bit of each word
			v := now
			v[i] = w & (w - 1)
			add(v)
			v[i] = w & -w
			add(v)
		}
	}
	return list
}

func ones(v value) (n int) {
	for _, w := range v {
		for ; w != 0; w &= w - 1 {
			n++
		}
	}
	return n
}

// memory sets halves, quarters and so on of lines to zero.
func (m *minimiser) memory() (changed bool) {
	for _, at := range lines(&m.c.Start) {
		for n := LineSize; n > 0; n /= 2 {
			for i := 0; i < LineSize; i += n {
				zero := make([]byte, n)
				if addr := at + uint64(i); !slices.Equal(m.c.Start.Read(addr, n), zero) {
					c := m.c
					c.Start = c.Start.Clone()
					c.Start.Write(addr, zero)
					changed = m.try(c) || changed
				}
			}
		}
	}
	return changed
}
