package main

import (
	"os"
	"syscall"
)

// maxRSS is the most memory that a finished process had resident, in bytes.
// Linux counts what its parent had when it was forked, so a figure below this
// program's own (some 20 MB) cannot be seen.
func maxRSS(s *os.ProcessState) int64 {
	if s == nil {
		return 0
	}
	if u, ok := s.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss * 1024
	}
	return 0
}
