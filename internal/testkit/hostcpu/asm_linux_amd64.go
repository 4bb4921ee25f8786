package hostcpu

import (
	"encoding/binary"
	"fmt"
)

// asm writes the few x86-64 instructions that the child program is made of.
// Registers are numbered by encoding. Memory operands are a base register and a
// 32-bit displacement.
type asm struct {
	code   []byte
	labels map[string]int
	fixes  map[int]string // offset of a 32-bit displacement → label
}

const (
	r8 = 8 + iota
	r9
	r10
	r11
	r12
	r13
	r14
	r15
)

// Conditions of jcc.
const (
	ccZ  = 4
	ccNZ = 5
	ccA  = 7
)

func (a *asm) b(p ...byte) { a.code = append(a.code, p...) }

func (a *asm) imm32(v uint32) { a.code = binary.LittleEndian.AppendUint32(a.code, v) }

func (a *asm) label(name string) {
	if a.labels == nil {
		a.labels, a.fixes = map[string]int{}, map[int]string{}
	}
	if _, ok := a.labels[name]; ok {
		panic("BUG: label " + name + " twice")
	}
	a.labels[name] = len(a.code)
}

func (a *asm) disp(label string) {
	if a.fixes == nil {
		a.labels, a.fixes = map[string]int{}, map[int]string{}
	}
	a.fixes[len(a.code)] = label
	a.imm32(0)
}

// link fills in what refers to labels.
func (a *asm) link() []byte {
	for at, name := range a.fixes {
		to, ok := a.labels[name]
		if !ok {
			panic(fmt.Sprintf("BUG: no label %q", name))
		}
		binary.LittleEndian.PutUint32(a.code[at:], uint32(to-at-4))
	}
	return a.code
}

// mem is a 64-bit instruction with a register and a memory operand.
func (a *asm) mem(op byte, reg, base int, disp int32) {
	a.b(0x48|byte(reg>>3)<<2|byte(base>>3), op, 0x80|byte(reg&7)<<3|byte(base&7))
	if base&7 == 4 {
		a.b(0x24)
	}
	a.imm32(uint32(disp))
}

func (a *asm) load(reg, base int, disp int32)      { a.mem(0x8b, reg, base, disp) }
func (a *asm) store(base int, disp int32, reg int) { a.mem(0x89, reg, base, disp) }
func (a *asm) lea(reg, base int, disp int32)       { a.mem(0x8d, reg, base, disp) }
func (a *asm) cmpMem(reg, base int, disp int32)    { a.mem(0x3b, reg, base, disp) }

// loadSigned32 loads 4 bytes, sign-extended.
func (a *asm) loadSigned32(reg, base int, disp int32) { a.mem(0x63, reg, base, disp) }

// reg is a 64-bit instruction with two register operands.
func (a *asm) reg(op byte, dst, src int) {
	a.b(0x48|byte(src>>3)<<2|byte(dst>>3), op, 0xc0|byte(src&7)<<3|byte(dst&7))
}

func (a *asm) mov(dst, src int) { a.reg(0x89, dst, src) }
func (a *asm) cmp(x, y int)     { a.reg(0x39, x, y) }
func (a *asm) test(x, y int)    { a.reg(0x85, x, y) }

// set is mov r64, imm64.
func (a *asm) set(reg int, v uint64) {
	a.b(0x48|byte(reg>>3), 0xb8|byte(reg&7))
	a.code = binary.LittleEndian.AppendUint64(a.code, v)
}

// arith is a 64-bit operation on a register and a sign-extended immediate.
func (a *asm) arith(op, reg int, v int32) {
	a.b(0x48|byte(reg>>3), 0x81, 0xc0|byte(op)<<3|byte(reg&7))
	a.imm32(uint32(v))
}

const (
	opAdd = 0
	opOr  = 1
	opAnd = 4
	opCmp = 7
)

// addMem is add qword [base+disp], imm32; testMem ands without storing.
func (a *asm) addMem(base int, disp, v int32) {
	a.mem(0x81, opAdd, base, disp)
	a.imm32(uint32(v))
}

func (a *asm) testMem(base int, disp, v int32) {
	a.mem(0xf7, 0, base, disp)
	a.imm32(uint32(v))
}

// setMem is mov qword [base+disp], imm32.
func (a *asm) setMem(base int, disp, v int32) {
	a.mem(0xc7, 0, base, disp)
	a.imm32(uint32(v))
}

func (a *asm) jmp(label string) {
	a.b(0xe9)
	a.disp(label)
}

func (a *asm) jcc(cc byte, label string) {
	a.b(0x0f, 0x80|cc)
	a.disp(label)
}

// copyWords is rep movsq of n words from [RSI] to [RDI], which are moved on.
func (a *asm) copyWords(n uint32) {
	a.b(0xb9)
	a.imm32(n)
	a.b(0xf3, 0x48, 0xa5)
}

// sseMem is prefix 0F op on X registers 0 to 7 and memory, sseReg 66 0F op on two
// of them.
func (a *asm) sseMem(prefix, op byte, x, base int, disp byte) {
	a.b(prefix, 0x0f, op, 0x40|byte(x)<<3|byte(base), disp)
}

func (a *asm) sseReg(op byte, dst, src int) { a.b(0x66, 0x0f, op, 0xc0|byte(dst)<<3|byte(src)) }

// call is the system call, whose arguments are in their registers. It clobbers
// RAX, RCX and R11.
func (a *asm) call(number uint32) {
	a.b(0xb8)
	a.imm32(number)
	a.b(0x0f, 0x05)
}
