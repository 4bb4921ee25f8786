#include "textflag.h"

// onSignal is what the kernel calls for a signal, on the thread's own stack for
// that: it writes the signal's number, one byte, to the reaper's pipe. It uses
// nothing of the Go runtime's, whose state may be any. RET goes where the kernel
// says, to rt_sigreturn (arch/riscv/kernel/signal.c).
TEXT ·onSignal(SB), NOSPLIT|NOFRAME, $0
	ADD	$-16, X2
	MOV	X10, (X2)
	MOV	$6, X10 // caughtTo
	MOV	X2, X11
	MOV	$1, X12
	MOV	$64, X17 // write
	ECALL
	ADD	$16, X2
	RET

// func handler() uintptr
TEXT ·handler(SB), NOSPLIT, $0-8
	MOV	$·onSignal(SB), X5
	MOV	X5, ret+0(FP)
	RET
