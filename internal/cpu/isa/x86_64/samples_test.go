package x86_64

import "slices"

// memoryShapes are ModRM bytes with mod and rm, SIB and displacement, and the bits of
// REX that go with them: every way to address in 64-bit mode, most of them valid in
// compatibility mode too.
var memoryShapes = []struct {
	modRM byte
	rest  string
	rex   byte
}{
	{0x00, "", 0},                     // [rax]
	{0x43, "\x7f", 0},                 // [rbx+0x7f]
	{0x45, "\xf8", 0},                 // [rbp-8]
	{0x86, "\x80\x00\x00\x80", 0},     // [rsi-0x7fffff80]
	{0x05, "\x78\x56\x34\x12", 0},     // [rip+0x12345678]
	{0x04, "\x24", 0},                 // [rsp]
	{0x04, "\x8d\x10\x00\x00\xf0", 0}, // [rcx*4-0xffffff0]
	{0x04, "\x25\x00\x00\x60\xff", 0}, // [0xff600000], sign-extended
	{0x44, "\x50\x00", 0},             // [rax+rdx*2+0]
	{0x84, "\xfd\x01\x00\x00\x00", 0}, // [rbp+rdi*8+1]
	{0x07, "", 1},                     // [r15]
	{0x45, "\x00", 1},                 // [r13+0]
	{0x04, "\x24", 1},                 // [r12]
	{0x44, "\x64\x20", 2},             // [rsp+r12*2+0x20]
	{0x84, "\xc8\x80\x80\x80\x00", 3}, // [r8+r9*8+0x808080]
}

// registerShapes are the same with registers, reg and rm, and bits of REX.
var registerShapes = []struct {
	reg, rm byte
	rex     byte
}{{1, 2, 0}, {6, 5, 0}, {0, 0, 0}, {3, 4, 5}, {2, 7, 4}, {5, 1, 1}}

// tail follows what a sample has to say: displacements and immediates.
var tail = []byte{0x92, 0x31, 0xf4, 0x85, 0x06, 0x70, 0x80, 0x99}

// samples are encodings of a row, in every operand shape, with the prefixes that change
// it. Those that are another row's are left out.
func samples(id RowID, mode Mode) (list [][]byte) {
	p, ru := compile(id.row())
	emit := func(code []byte) {
		code = append(code, tail...)
		in, ok := Decode(code, mode)
		if ok && in.Row == id {
			list = append(list, code[:in.Len])
		}
	}
	for _, op := range []int{p.op, p.op + p.n - 1}[:min(p.n, 2)] {
		seen := [2]int{}
		for _, s := range shapes(&p, id.row().attr&mod11 != 0) {
			// The first shape of each kind meets every prefix, the others one.
			pres := variants(&p, ru, s, mode)
			kind := 0
			if s.mem {
				kind = 1
			}
			if seen[kind]++; seen[kind] > 1 && ru.flags&ruleVSIB == 0 {
				k := seen[kind] % max(1, len(pres)/2)
				pres = pres[min(k, len(pres)):min(k+1, len(pres))]
			}
			for _, pre := range pres {
				emit(slices.Concat(pre, []byte{byte(op)}, s.bytes))
			}
		}
	}
	return list
}

// shape is what follows an opcode, with the bits of REX that it goes with.
type shape struct {
	bytes []byte
	rex   byte
	mem   bool
}

func shapes(p *pattern, ignoreMod bool) (list []shape) {
	if !p.modRM {
		return []shape{{}, {rex: 1}}
	}
	reg := func(r byte) byte {
		if p.reg >= 0 {
			r = byte(p.reg)
		}
		return r << 3
	}
	if p.mod11 != 0 {
		for _, s := range registerShapes {
			rm := s.rm
			if p.rm >= 0 {
				rm = byte(p.rm)
			}
			list = append(list, shape{bytes: []byte{0xc0 | reg(s.reg) | rm}, rex: s.rex})
		}
	}
	if p.mod11 != 1 && !ignoreMod {
		for i, s := range memoryShapes {
			list = append(list, shape{append([]byte{s.modRM | reg(byte(i)&3)}, s.rest...), s.rex | byte(i)&4, true})
		}
	}
	return list
}

// variants are what can stand before the opcode.
func variants(p *pattern, ru rule, s shape, mode Mode) (list [][]byte) {
	if mode == Mode32 && s.rex != 0 {
		return nil
	}
	if p.isVEX {
		return vexVariants(p, s, mode)
	}
	escape := [...][]byte{MapOne: nil, Map0F: {0x0f}, Map0F38: {0x0f, 0x38}, Map0F3A: {0x0f, 0x3a}}[p.m]
	pps := [][]byte{nil}
	switch p.pp {
	case 1 << PP66:
		pps = [][]byte{{0x66}}
	case 1 << PPF3:
		pps = [][]byte{{0xf3}, {0x66, 0xf3}}
	case 1 << PPF2:
		pps = [][]byte{{0xf2}, {0x66, 0xf2}}
	case anyPP, 1<<PPNone | 1<<PP66:
		pps = [][]byte{nil, {0x66}}
		if p.attr&rep != 0 {
			pps = append(pps, []byte{0xf3}, []byte{0xf2})
		}
		if ru.flags&ruleLock != 0 {
			pps = append(pps, []byte{0xf0})
		}
	}
	if s.mem || p.attr&(seg|rep) != 0 || ru.imm == immO {
		pps = append(pps, append([]byte{0x64}, pps[0]...), append([]byte{0x67, 0x65}, pps[0]...))
	} else if p.attr&byAddr != 0 {
		pps = append(pps, []byte{0x67})
	}
	rexes := []byte{s.rex}
	if mode == Mode64 && (p.w >= 0 || ru.size == sizeV || ru.size == sizeY || ru.imm != immNone) {
		rexes = append(rexes, s.rex|8)
	}
	for _, pp := range pps {
		for _, rex := range rexes {
			b := pp
			if rex != 0 {
				b = append(slices.Clone(pp), 0x40|rex)
			}
			list = append(list, slices.Concat(b, escape))
		}
	}
	if mode == Mode64 && s.rex == 0 && len(escape) < 2 {
		list = append(list, slices.Concat(pps[0], []byte{0x40}, escape)) // SPL and the like
	}
	return list
}

func vexVariants(p *pattern, s shape, mode Mode) (list [][]byte) {
	pp := byte(0)
	for p.pp>>pp&1 == 0 {
		pp++
	}
	for _, w := range []byte{0, 1} {
		for _, l := range []byte{0, 1} {
			for _, v := range []byte{0, 6, 13} {
				if mode == Mode32 && v > 7 {
					continue
				}
				last := w<<7 | ^v&15<<3 | l<<2 | pp
				list = append(list, []byte{0xc4, ^s.rex<<5&0xe0 | byte(p.m-MapVEX0F) + 1, last})
				if p.m == MapVEX0F && s.rex&3 == 0 && w == 0 {
					list = append(list, []byte{0xc5, last&0x7f | ^s.rex<<5&0x80})
				}
			}
		}
	}
	return list
}

// allSamples are the samples of all rows.
func allSamples(mode Mode) (list [][]byte) {
	for id := firstRow; int(id) < NumRows(); id++ {
		list = append(list, samples(id, mode)...)
	}
	return list
}
