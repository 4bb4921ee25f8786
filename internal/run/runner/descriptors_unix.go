//go:build unix

package runner

import "syscall"

// manyDescriptors lets what this process starts open as many files as the user
// may: this process has all of them already, as Go sees to, and Go gives the
// lower limit back to what it starts unless the limit was set by hand. Each
// deleted file that the guest holds open is a descriptor.
func manyDescriptors() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		// A failure leaves things as they are.
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}
