package main

import (
	"syscall"
	"unsafe"
)

// handler is the address of the code in catch_riscv64.s.
func handler() uintptr

// catch has a signal written to caughtTo, whichever thread it comes to.
func catch(sig syscall.Signal) {
	const onStack, restart = 0x08000000, 0x10000000
	// struct sigaction has no restorer on this architecture.
	action := struct {
		handler, flags uintptr
		mask           uint64
	}{handler(), onStack | restart, ^uint64(0)}
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
}
