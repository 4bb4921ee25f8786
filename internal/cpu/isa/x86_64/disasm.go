package x86_64

import (
	"fmt"
	"strconv"
	"strings"
)

// Disasm prints the instruction at the start of code, which lies at pc, in Intel's
// syntax and with the spelling of binutils: prefixes that do nothing are named in
// front, branch targets and RIP-relative addresses are absolute. What is undefined is
// "(bad)", what is cut off is shown as bytes.
func Disasm(code []byte, pc uint64, mode Mode) string {
	in, ok := Decode(code, mode)
	if !ok {
		return fmt.Sprintf(".byte % x", code)
	}
	if in.Undefined() {
		return "(bad)"
	}
	p := printer{in: &in, r: in.Row.row(), pc: pc}
	ops := p.operands()
	name := p.name()
	if ops = p.predicate(&name, ops); len(ops) > 0 {
		name += " " + strings.Join(ops, ",")
	}
	return p.prefixes(code) + name + p.comment
}

type printer struct {
	in       *Insn
	r        *row
	pc       uint64
	used     Prefix // those that the text shows elsewhere
	usedSeg  bool
	comment  string
	byteRegs bool // SPL, BPL, SIL, DIL need a REX
}

func (p *printer) operands() (list []string) {
	in := p.in
	switch tables[in.Mode]().rules[in.Row].size {
	case sizeV, sizeD64:
		p.used |= PrefixOp
		if in.Has(PrefixW) {
			p.used &^= PrefixOp
		}
	case sizeZ:
		p.used |= PrefixOp
	}
	if in.Mode == Mode32 && p.r.attr&f64 != 0 {
		p.used |= PrefixOp
	}
	for _, o := range p.r.operands() {
		list = append(list, p.operand(o))
	}
	return list
}

// Registers by number, of the sizes 1, 2, 4 and 8.
var generalNames = map[uint8][16]string{
	1: {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b"},
	2: {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w"},
	4: {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d"},
	8: {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"},
}

var segmentNames = [...]string{"es", "cs", "ss", "ds", "fs", "gs"}

func (p *printer) general(n, size uint8) string {
	if size == 1 && n >= 4 && n < 8 {
		if p.in.HighByte(n) {
			return [...]string{"ah", "ch", "dh", "bh"}[n-4]
		}
		p.byteRegs = true
	}
	return generalNames[size][n]
}

// size is an operand's size in bytes; 0 if it has none to speak of.
func (p *printer) size(t typ) uint8 {
	in := p.in
	z := in.OpSize
	if z == 8 {
		z = 4
	}
	switch t {
	case tB, tBS:
		return 1
	case tW:
		return 2
	case tD, tSS:
		return 4
	case tQ, tSD:
		return 8
	case tDQ:
		return 16
	case tQQ:
		return 32
	case tX:
		return 16 << in.L
	case tX2:
		return 8 << in.L
	case tX4:
		return 4 << in.L
	case tX8:
		return 2 << in.L
	case tT:
		return 10
	case tV:
		return in.OpSize
	case tZ:
		return z
	case tY:
		p.used |= PrefixW
		if in.Has(PrefixW) && in.Mode == Mode64 {
			return 8
		}
		return 4
	case tM:
		if in.Mode == Mode64 {
			return 8
		}
		return 4
	case tDS:
		if in.OpSize == 2 {
			return 2
		}
		return 4
	case tP:
		return in.OpSize + 2
	case tA:
		return 2 * z
	}
	return 0
}

func (p *printer) vector(n uint8, t typ) string {
	if p.size(t) == 32 && t != tX2 {
		return "ymm" + strconv.Itoa(int(n))
	}
	return "xmm" + strconv.Itoa(int(n))
}

func (p *printer) operand(o operand) string {
	in := p.in
	t := o.typ
	if in.Mem() && o.mem != tNone {
		t = o.mem
	}
	switch o.method {
	case 'E', 'R':
		if in.Mem() {
			return p.memory(t)
		}
		p.used |= PrefixB
		return p.general(in.RM, p.size(t))
	case 'G':
		p.used |= PrefixR
		return p.general(in.Reg, p.size(t))
	case 'B':
		return p.general(in.VVVV, p.size(t))
	case 'Z':
		p.used |= PrefixB
		return p.general(in.RM, p.size(t))
	case regAX:
		return p.general(0, p.size(t))
	case 'W', 'U':
		if in.Mem() {
			return p.memory(t)
		}
		p.used |= PrefixB
		return p.vector(in.RM, t)
	case 'V':
		p.used |= PrefixR
		return p.vector(in.Reg, t)
	case 'H':
		return p.vector(in.VVVV, t)
	case 'L':
		n := uint8(in.Imm) >> 4
		if in.Mode == Mode32 {
			n &= 7
		}
		return p.vector(n, t)
	case 'Q', 'N':
		if in.Mem() {
			return p.memory(t)
		}
		return "mm" + strconv.Itoa(int(in.RM&7))
	case 'P':
		return "mm" + strconv.Itoa(int(in.Reg&7))
	case 'M', vectorMem:
		return p.memory(t)
	case 'C':
		p.used |= PrefixR
		return "cr" + strconv.Itoa(int(in.Reg))
	case 'D':
		return "dr" + strconv.Itoa(int(in.Reg))
	case 'S':
		return segmentNames[in.Reg]
	}
	return p.elsewhere(o)
}

// elsewhere is an operand that ModRM says nothing about.
func (p *printer) elsewhere(o operand) string {
	in := p.in
	switch o.method {
	case 'I':
		return p.immediate(o.typ)
	case 'J':
		target := p.pc + uint64(in.Len) + uint64(in.Imm)
		if in.Mode == Mode32 {
			target &= 1<<(8*in.OpSize) - 1
		}
		return number(target)
	case 'A':
		return number(uint64(in.Imm2)) + ":" + number(uint64(in.Imm))
	case 'O':
		p.used |= PrefixAddr
		return p.segment() + number(uint64(in.Imm))
	case 'X':
		return p.pointer(o.typ) + p.segment() + "[" + p.implicit(6) + "]"
	case 'Y':
		return p.pointer(o.typ) + "es:[" + p.implicit(7) + "]"
	}
	if o.text == "STi" {
		return fmt.Sprintf("st(%d)", in.RM&7)
	}
	return strings.ToLower(o.text)
}

// implicit is an address register that the opcode names.
func (p *printer) implicit(n uint8) string {
	p.used |= PrefixAddr
	return generalNames[p.in.AddrSize][n]
}

func number(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

func (p *printer) immediate(t typ) string {
	v := uint64(p.in.Imm)
	switch t {
	case tB:
		if p.r.name == "ENTER" {
			v = uint64(p.in.Imm2)
		}
	case tBS, tZ, tV:
		if p.in.OpSize < 8 {
			v &= 1<<(8*p.in.OpSize) - 1
		}
	}
	return number(v)
}

// pointer says how large an operand in memory is.
func (p *printer) pointer(t typ) string {
	name := map[uint8]string{1: "BYTE", 2: "WORD", 4: "DWORD", 6: "FWORD", 8: "QWORD", 10: "TBYTE", 16: "XMMWORD", 32: "YMMWORD"}[p.size(t)]
	switch {
	case name == "":
		return ""
	case p.r.name == "CMPXCHG16B":
		name = "OWORD"
	}
	return name + " PTR "
}

// segment is the segment of an access that always shows one.
func (p *printer) segment() string {
	p.usedSeg = true
	s := p.in.Override
	if s == SegNone {
		s = SegDS
	}
	return segmentNames[s] + ":"
}

// memory is the operand in memory that ModRM says.
func (p *printer) memory(t typ) string {
	in := p.in
	p.used |= PrefixAddr | PrefixX | PrefixB
	s := p.pointer(t)
	if in.RIPRel {
		next := p.pc + uint64(in.Len) + uint64(int64(in.Disp))
		base := "rip"
		if in.AddrSize == 4 {
			base, next = "eip", next&0xffff_ffff
		}
		p.comment = "        # " + number(next)
		return s + p.overridden() + "[" + base + "+" + number(uint64(int64(in.Disp))) + "]"
	}
	if in.Base == NoReg && in.Index == NoReg {
		v := uint64(int64(in.Disp))
		if in.AddrSize < 8 {
			v &= 1<<(8*in.AddrSize) - 1
		}
		return s + p.segment() + number(v)
	}
	s += p.overridden() + "["
	if in.Base != NoReg {
		s += generalNames[in.AddrSize][in.Base]
	}
	if in.Index != NoReg {
		if in.Base != NoReg {
			s += "+"
		}
		s += p.index()
	}
	switch d := int64(in.Disp); {
	case in.Mod == 0 && in.Base != NoReg:
	case d < 0:
		s += "-" + number(uint64(-d))
	default:
		s += "+" + number(uint64(d))
	}
	return s + "]"
}

func (p *printer) index() string {
	in := p.in
	if in.AddrSize == 2 {
		return generalNames[2][in.Index]
	}
	scale := "*" + strconv.Itoa(int(in.Scale))
	for _, o := range p.r.operands() {
		if o.method == vectorMem {
			t := tX
			if o.text == "32" && o.typ == tQ {
				t = tX2
			}
			return p.vector(uint8(in.Index), t) + scale
		}
	}
	return generalNames[in.AddrSize][in.Index] + scale
}

// overridden is a segment that is not the default.
func (p *printer) overridden() string {
	if p.in.Override == SegNone {
		return ""
	}
	p.usedSeg = true
	return segmentNames[p.in.Override] + ":"
}

func (p *printer) name() string {
	in := p.in
	names := strings.Split(p.r.name, "/")
	i := 0
	switch size := tables[in.Mode]().rules[in.Row].size; {
	case len(names) == 1:
	case p.r.attr&byAddr != 0:
		p.used |= PrefixAddr
		i = int(in.AddrSize >> 2)
	case size == sizeY:
		p.used |= PrefixW
		i = int(in.OpSize >> 3)
	default:
		i = int(in.OpSize >> 2)
	}
	name := strings.ToLower(names[min(i, len(names)-1)])
	switch p.r.name {
	case "CALLF", "JMPF": // known by their operand
		return name[:len(name)-1]
	case "MOV":
		if in.Mode == Mode64 && (p.r.ops == "Zv,Iv" && in.OpSize == 8 || strings.Contains(p.r.ops, "O") && in.AddrSize == 8) {
			return "movabs"
		}
	case "NOP":
		if p.r.ops == "" && in.OpSize == 0 && in.Has(PrefixOp) {
			p.used |= PrefixOp
			return "xchg ax,ax"
		}
	case "LOOP", "LOOPE", "LOOPNE", "XLAT", "MASKMOVQ", "MASKMOVDQU", "VMASKMOVDQU":
		p.used |= PrefixAddr
	}
	return name
}

var predicates = strings.Fields(`eq lt le unord neq nlt nle ord eq_uq nge ngt false neq_oq ge gt true
	eq_os lt_oq le_oq unord_s neq_us nlt_uq nle_uq ord_s eq_us nge_uq ngt_uq false_os neq_os ge_oq gt_oq true_us`)

// predicate takes the comparison's or the multiplication's kind from the immediate
// into the name.
func (p *printer) predicate(name *string, ops []string) []string {
	imm := int(p.in.Imm)
	before, suffix := strings.TrimPrefix(p.r.name, "V"), ""
	switch {
	case len(before) == 5 && strings.HasPrefix(before, "CMP") && p.in.Op == 0xc2 && p.in.Map != MapOne:
		if imm < 8 || imm < 32 && p.in.Has(PrefixVEX) {
			suffix = (*name)[len(*name)-2:]
			*name = (*name)[:len(*name)-2] + predicates[imm] + suffix
			return ops[:len(ops)-1]
		}
	case before == "PCLMULQDQ" && imm&^0x11 == 0:
		*name = strings.Replace(*name, "qdq", [...]string{"lq", "hq"}[imm&1]+[...]string{"lq", "hq"}[imm>>4]+"dq", 1)
		return ops[:len(ops)-1]
	}
	return ops
}

// prefixes names those that nothing else in the text shows.
func (p *printer) prefixes(code []byte) string {
	n := 0
	last := map[string]int{} // where the prefix that counts is
	for ; prefixKinds[p.in.Mode][code[n]] != notPrefix; n++ {
		last[prefixGroup(code[n])] = n
	}
	s := ""
	for i, b := range code[:n] {
		group := prefixGroup(b)
		if name := p.prefix(b, last[group] == i, i == n-1); name != "" {
			s += name + " "
		}
	}
	return s
}

func prefixGroup(b byte) string {
	switch {
	case b == 0xf2 || b == 0xf3:
		return "rep"
	case b == 0x64 || b == 0x65:
		return "seg"
	case b&0xf0 == 0x40:
		return "rex"
	}
	return string(rune(b))
}

func (p *printer) prefix(b byte, counts, adjacent bool) string {
	in := p.in
	mandatory := false
	for _, m := range [...]string{"66 ", "F3 ", "F2 "} {
		mandatory = mandatory || counts && strings.HasPrefix(p.r.enc, m) && number(uint64(b)) == "0x"+strings.ToLower(m[:2])
	}
	switch {
	case mandatory:
		return ""
	case b == 0x66:
		if counts && p.used&PrefixOp != 0 {
			return ""
		}
		return "data16"
	case b == 0x67:
		if counts && p.used&PrefixAddr != 0 {
			return ""
		}
		if in.Mode == Mode32 {
			return "addr16"
		}
		return "addr32"
	case b == 0xf0:
		return "lock"
	case b == 0xf2 || b == 0xf3:
		return p.repetition(b)
	case prefixKinds[in.Mode][b] == isREX:
		return p.rex(b, adjacent)
	case b == 0x3e && in.Op == 0xff && in.Map == MapOne && p.r.attr&f64 != 0:
		return "notrack"
	}
	s := Seg(b >> 3 & 3)
	if b >= 0x64 {
		s = SegFS + Seg(b&1)
	}
	if p.usedSeg && s == in.Override {
		return ""
	}
	return segmentNames[s]
}

func (p *printer) repetition(b byte) string {
	repne := b == 0xf2
	switch name := p.r.name; {
	case p.r.attr&lock != 0 && p.in.Mem() && (p.in.Has(PrefixLock) || name == "XCHG"):
		if repne {
			return "xacquire"
		}
		return "xrelease"
	case repne && p.r.attr&f64 != 0 && !strings.HasPrefix(name, "LOOP") && p.r.attr&byAddr == 0:
		return "bnd"
	case repne:
		return "repnz"
	case p.r.attr&rep != 0 && name != "CMPS" && name != "SCAS":
		return "rep"
	}
	return "repz"
}

// rex names a REX that is not used, or has a bit that is not.
func (p *printer) rex(b byte, adjacent bool) string {
	used := p.used & (PrefixW | PrefixR | PrefixX | PrefixB)
	k := tables[p.in.Mode]().rules[p.in.Row].size
	if k == sizeV || strings.Contains(p.r.enc, "REX.W") || strings.Contains(p.r.enc, "W0") {
		used |= PrefixW
	}
	if p.r.name == "NOP" || p.r.name == "XCHG" {
		used |= PrefixB
	}
	if bits := rexBits[b&15]; adjacent && bits&^used == 0 && (bits != 0 || p.byteRegs) {
		return ""
	}
	s := "rex"
	if b&15 != 0 {
		s += "."
	}
	for i, c := range "WRXB" {
		if b>>(3-i)&1 != 0 {
			s += string(c)
		}
	}
	return s
}
