package main

import (
	"os"
	"syscall"
)

// maxRSS is the most memory that a finished process had resident, in bytes:
// the unit that this system's rusage has already.
func maxRSS(s *os.ProcessState) int64 {
	if s == nil {
		return 0
	}
	if u, ok := s.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss
	}
	return 0
}
