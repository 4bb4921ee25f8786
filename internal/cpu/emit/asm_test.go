package emit_test

// Encoders of the few instructions that tests write by hand. Registers are
// numbers.

func rtype(op, f3, f7 uint32, rd, rs1, rs2 int) uint32 {
	return f7<<25 | uint32(rs2)<<20 | uint32(rs1)<<15 | f3<<12 | uint32(rd)<<7 | op
}

func itype(op, f3 uint32, rd, rs1 int, imm int) uint32 {
	return uint32(imm)<<20 | uint32(rs1)<<15 | f3<<12 | uint32(rd)<<7 | op
}

func stype(op, f3 uint32, rs1, rs2 int, imm int) uint32 {
	u := uint32(imm)
	return u>>5<<25 | uint32(rs2)<<20 | uint32(rs1)<<15 | f3<<12 | u&31<<7 | op
}

func btype(f3 uint32, rs1, rs2 int, disp int) uint32 {
	d := uint32(disp)
	return d>>12&1<<31 | d>>5&0x3f<<25 | uint32(rs2)<<20 | uint32(rs1)<<15 | f3<<12 | d>>1&15<<8 | d>>11&1<<7 | 0x63
}

func jal(rd int, disp int) uint32 {
	d := uint32(disp)
	return d>>20&1<<31 | d>>1&0x3ff<<21 | d>>11&1<<20 | d>>12&0xff<<12 | uint32(rd)<<7 | 0x6f
}

func addi(rd, rs1, imm int) uint32  { return itype(0x13, 0, rd, rs1, imm) }
func add(rd, rs1, rs2 int) uint32   { return rtype(0x33, 0, 0, rd, rs1, rs2) }
func lui(rd int, imm uint32) uint32 { return imm&^0xfff | uint32(rd)<<7 | 0x37 }
func auipc(rd int, imm uint32) uint32 {
	return imm&^0xfff | uint32(rd)<<7 | 0x17
}
func ld(rd, rs1, imm int) uint32   { return itype(0x03, 3, rd, rs1, imm) }
func sd(rs2, rs1, imm int) uint32  { return stype(0x23, 3, rs1, rs2, imm) }
func sw(rs2, rs1, imm int) uint32  { return stype(0x23, 2, rs1, rs2, imm) }
func jalr(rd, rs1, imm int) uint32 { return itype(0x67, 0, rd, rs1, imm) }
func csr(f3 uint32, rd, src int, n int) uint32 {
	return itype(0x73, f3, rd, src, n)
}

const (
	nop       = 0x13
	fenceI    = 0x100f
	ecall     = 0x73
	ebreak    = 0x100073
	sret      = 0x10200073
	sfenceAll = 0x12000073
)

// code strings words together.
func code(words ...uint32) []byte {
	var b []byte
	for _, w := range words {
		b = append(b, word(w)...)
	}
	return b
}
