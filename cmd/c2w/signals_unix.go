//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// A limit on a file's size is an error like a full disk's, not an end without
// cleaning up.
func init() { signal.Ignore(syscall.SIGXFSZ) }
