// Package osfs is hostfs over the files of the computer that the process runs
// on, for tests and for machines that run natively. So far there is one for
// Linux only.
//
// It must not know who asks, nor follow a symbolic link.
package osfs
