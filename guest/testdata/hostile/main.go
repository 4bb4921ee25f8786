//go:build linux && riscv64

// Command hostile does what makes an emulator of its computer remember things:
// code in many pages, many addresses, and pages that end in each other; many files.
// It prints a line for each; that it can is what counts.
//
//	hostile DIR      DIR is on the host
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

const page = 4096

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// call calls the code at an address.
func call(at uintptr) {
	code := &at
	(*(*func())(unsafe.Pointer(&code)))()
}

// code is memory of n pages that may be written and executed.
func code(n int) (at uintptr, b []byte) {
	b, err := syscall.Mmap(-1, 0, n*page, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	check(err)
	return uintptr(unsafe.Pointer(&b[0])), b
}

const (
	ret    = 0x8082     // c.jr ra
	branch = 0x00001363 // bne x0, x0, +6: never taken
	nop    = 0x00000013
)

// fill puts a branch and a return every eight bytes.
func fill(b []byte) {
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint32(b[i:], branch)
		binary.LittleEndian.PutUint16(b[i+4:], ret)
		binary.LittleEndian.PutUint16(b[i+6:], ret)
	}
}

// manyCalls calls 150 places in each of 3,060 pages, twice.
func manyCalls() int {
	const pages, slots, step = 3060, 150, 24
	at, b := code(pages)
	fill(b)
	n := 0
	for range 2 {
		for p := range uintptr(pages) {
			for s := range uintptr(slots) {
				call(at + p*page + s*step)
				n++
			}
		}
	}
	return n
}

// manyPages calls one place in each of 20,000 pages, and one that lies in two.
func manyPages() int {
	const pages = 20_000
	at, b := code(pages)
	for i := 0; i < len(b); i += page {
		binary.LittleEndian.PutUint16(b[i:], nop>>16)
		binary.LittleEndian.PutUint16(b[i+2:], ret)
		binary.LittleEndian.PutUint16(b[i+page-2:], nop&0xffff)
	}
	for p := range uintptr(pages - 1) {
		call(at + p*page + 2)
		call(at + (p+1)*page - 2)
	}
	return 2 * (pages - 1)
}

// manyAddresses calls one page of code at 10,000 addresses.
func manyAddresses() int {
	const maps = 10_000
	f, err := os.Create("/tmp/code")
	check(err)
	b := make([]byte, page)
	fill(b)
	_, err = f.Write(b)
	check(err)
	for i := range maps {
		m, err := syscall.Mmap(int(f.Fd()), 0, page, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_SHARED)
		check(err)
		call(uintptr(unsafe.Pointer(&m[0])) + uintptr(i%500*8))
	}
	return maps
}

// rewritten executes pages that end in each other and writes them, in turn.
func rewritten() int {
	at, b := code(3)
	for p := range 3 {
		binary.LittleEndian.PutUint16(b[p*page:], nop>>16)
		binary.LittleEndian.PutUint16(b[p*page+2:], ret)
		binary.LittleEndian.PutUint16(b[(p+1)*page-2:], nop&0xffff)
	}
	const rounds = 20_000
	for range rounds {
		call(at + page - 2)
		binary.LittleEndian.PutUint16(b[page+2:], ret)
		call(at + 2*page - 2)
		binary.LittleEndian.PutUint16(b[2:], ret)
		binary.LittleEndian.PutUint16(b[2*page+2:], ret)
	}
	return rounds
}

// manyFiles makes files with long names, keeps some open, locks, lists them.
func manyFiles(dir string) int {
	const files, open = 1500, 700
	dir = filepath.Join(dir, "many")
	check(os.Mkdir(dir, 0o700))
	for i := range files {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("%05d%s", i, strings.Repeat("n", 240))), os.O_CREATE|os.O_RDWR, 0o640)
		check(err)
		if i >= open {
			f.Close()
			continue
		}
		check(syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK, Start: int64(i), Len: 1}))
	}
	list, err := os.ReadDir(dir)
	check(err)
	return len(list)
}

func main() {
	for _, part := range []struct {
		name string
		run  func() int
	}{
		{"calls", manyCalls}, {"pages", manyPages}, {"addresses", manyAddresses}, {"rewritten", rewritten},
		{"files", func() int { return manyFiles(os.Args[1]) }},
	} {
		fmt.Println(part.name, part.run())
	}
}
