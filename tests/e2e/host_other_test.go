//go:build !linux

package e2e

import (
	"os"
	"testing"
	"time"
)

func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Skip("opens pseudo-terminals on Linux only")
	return nil, nil
}

func cpuTime(t *testing.T, pid int) time.Duration {
	t.Skip("reads processor times on Linux only")
	return 0
}
