//go:build linux && !riscv64

package main

import "syscall"

// catch is for guests: there are none of this architecture yet.
func catch(syscall.Signal) { panic("BUG: no guest has this architecture") }
