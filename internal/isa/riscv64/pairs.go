package riscv64

import "github.com/c2w/c2w/internal/isa"

// Pairs are the fused pairs, by falling frequency.
func (ISA) Pairs() []isa.Pair { return pairs[:] }

// pairs come from what compilers emit for rv64gc: address arithmetic before an
// access, a comparison before its branch, a loop's increment before its test,
// zero extension by two shifts, and the runs of stack accesses at a function's
// ends.
var pairs = [...]isa.Pair{
	{First: fLd, Second: fLd},
	{First: fSd, Second: fSd},
	{First: fSlli, Second: fSrli, DepB: true, Dead: true},
	{First: fSlli, Second: fAdd, DepC: true, Dead: true},
	{First: fSlli, Second: fAdd, DepB: true, Dead: true},
	{First: fAddi, Second: fBne},
	{First: fAddi, Second: fSd},
	{First: fAddi, Second: fAddi},
	{First: fLd, Second: fAddi},
	{First: fAdd, Second: fLd, DepB: true},
	{First: fAdd, Second: fLw, DepB: true},
	{First: fAdd, Second: fLbu, DepB: true},
	{First: fLbu, Second: fBeqz, DepB: true},
	{First: fLbu, Second: fBnez, DepB: true},
	{First: fLd, Second: fBeqz, DepB: true},
	{First: fLd, Second: fBnez, DepB: true},
	{First: fLw, Second: fBeqz, DepB: true},
	{First: fLw, Second: fBnez, DepB: true},
	{First: fAndi, Second: fBeqz, DepB: true},
	{First: fAndi, Second: fBnez, DepB: true},
	{First: fAuipc, Second: fAddi, DepB: true, Dead: true},
	{First: fAuipc, Second: fLd, DepB: true, Dead: true},
	{First: fAuipc, Second: fJalr, DepB: true, Dead: true},
	{First: fLi, Second: fAddiw, DepB: true, Dead: true},
	{First: fLi, Second: fBeq, DepC: true},
	{First: fLi, Second: fBne, DepC: true},
	{First: fMv, Second: fMv},
	{First: fLi, Second: fMv},
	{First: fMv, Second: fJal},
	{First: fAddi, Second: fRet},
	{First: fAddiw, Second: fBne},
	{First: fSw, Second: fAddi},
}
