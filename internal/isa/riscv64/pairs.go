package riscv64

import "github.com/c2w/c2w/internal/isa"

// Pairs are the fused pairs, by falling frequency.
func (ISA) Pairs() []isa.Pair { return pairs[:] }

// pairs were counted in qemu's traces of the kernel's boot (6 million
// instructions) and of the integer benchmark programs (2 million each), the
// kernel weighing as much as the programs together. Listed are the frequent
// ones and those that every compiler emits for calls, address arithmetic and
// tests, so that the list does not fit the benchmarks alone. One of them begins
// at 40 % of the kernel's instructions and 35 % of the programs' (15 % in
// SHA-256, 67 % in the sieve), overlaps counted.
//
// A pair without Dep matches whatever its operands are; one with Dep spares a
// reload and is only worth its place where that is the rule.
var pairs = [...]isa.Pair{
	{First: fSd, Second: fSd},
	{First: fLd, Second: fLd},
	{First: fAddi, Second: fBne, DepC: true},
	{First: fAddi, Second: fBne},
	{First: fAuipc, Second: fAddi, DepB: true, Dead: true},
	{First: fMv, Second: fMv},
	{First: fSb, Second: fAddi},
	{First: fAddi, Second: fAddi},
	{First: fLd, Second: fAddi},
	{First: fSw, Second: fAddi},
	{First: fSlli, Second: fSrli, DepB: true, Dead: true},
	{First: fSlli, Second: fAdd, DepB: true, Dead: true},
	{First: fSlli, Second: fAdd, DepC: true},
	{First: fSlli, Second: fXor, DepB: true, Dead: true},
	{First: fAddi, Second: fLi},
	{First: fSd, Second: fAddi},
	{First: fLbu, Second: fLbu},
	{First: fAddi, Second: fAuipc},
	{First: fLi, Second: fSw},
	{First: fLi, Second: fAuipc},
	{First: fAddi, Second: fJ},
	{First: fAdd, Second: fLw, DepB: true, Dead: true},
	{First: fAdd, Second: fLd, DepB: true},
	{First: fLbu, Second: fBnez, DepB: true},
	{First: fLbu, Second: fBeqz, DepB: true},
	{First: fLd, Second: fBeqz, DepB: true},
	{First: fLd, Second: fBnez, DepB: true},
	{First: fAndi, Second: fBeqz, DepB: true},
	{First: fAndi, Second: fBnez, DepB: true},
	{First: fAddi, Second: fRet},
	{First: fMv, Second: fJal},
	{First: fMv, Second: fAddi},
	{First: fLi, Second: fLi},
	{First: fLd, Second: fMv},
	{First: fAddi, Second: fSd},
	{First: fAuipc, Second: fJalr, DepB: true, Dead: true},
	{First: fSlliw, Second: fOr, DepC: true},
	{First: fMul, Second: fAdd, DepC: true},
}
