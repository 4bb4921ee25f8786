//go:build !amd64

package main

const pwritev2 = 287 // of the generic table (asm-generic/unistd.h)
