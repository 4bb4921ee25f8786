//go:build linux && riscv64

// Command patcher makes and changes machine code in all ways that Linux offers,
// and calls it after every change. It prints a line for each way.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

const page = 4096

// add is the machine code of func(x uint64) uint64 { return x + n }; n is below 2048.
func add(n int) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, uint32(n)<<20|10<<15|10<<7|0x13), 0x8067)
}

// call calls the code at an address with an argument.
func call(at uintptr, x uint64) uint64 {
	code := &at
	return (*(*func(uint64) uint64)(unsafe.Pointer(&code)))(x)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func mmap(at, size uintptr, prot, flags, fd int) uintptr {
	p, _, e := syscall.Syscall6(syscall.SYS_MMAP, at, size, uintptr(prot), uintptr(flags), uintptr(fd), 0)
	if e != 0 {
		check(e)
	}
	return p
}

func system(n uintptr, a ...uintptr) uintptr {
	a = append(a, 0, 0, 0, 0, 0, 0)
	r, _, e := syscall.Syscall6(n, a[0], a[1], a[2], a[3], a[4], a[5])
	if e != 0 {
		check(e)
	}
	return r
}

const (
	rw      = syscall.PROT_READ | syscall.PROT_WRITE
	rx      = syscall.PROT_READ | syscall.PROT_EXEC
	rwx     = rw | syscall.PROT_EXEC
	private = syscall.MAP_PRIVATE | syscall.MAP_ANON
)

// bytes is memory at an address.
func bytes(at uintptr, n int) []byte {
	p := &at
	return unsafe.Slice(*(**byte)(unsafe.Pointer(p)), n)
}

func file() int {
	fd, err := syscall.Open("/tmp/code", syscall.O_RDWR|syscall.O_CREAT|syscall.O_TRUNC, 0o700)
	check(err)
	check(syscall.Ftruncate(fd, 2*page))
	return fd
}

// ways put code into memory, again and again; each returns where it is now.
var ways = []struct {
	name string
	make func() func(code []byte) uintptr
}{
	{"stores", func() func([]byte) uintptr {
		m := mmap(0, page, rwx, private, -1)
		return func(code []byte) uintptr { copy(bytes(m, page), code); return m }
	}},
	{"stores across pages", func() func([]byte) uintptr {
		m := mmap(0, 2*page, rwx, private, -1) + page - 2
		return func(code []byte) uintptr { copy(bytes(m, 16), code); return m }
	}},
	{"two mappings", func() func([]byte) uintptr {
		fd := file()
		w, x := mmap(0, page, rw, syscall.MAP_SHARED, fd), mmap(0, page, rx, syscall.MAP_SHARED, fd)
		return func(code []byte) uintptr { copy(bytes(w, page), code); return x }
	}},
	{"mprotect", func() func([]byte) uintptr {
		m := mmap(0, page, rw, private, -1)
		return func(code []byte) uintptr {
			system(syscall.SYS_MPROTECT, m, page, rw)
			copy(bytes(m, page), code)
			system(syscall.SYS_MPROTECT, m, page, rx)
			return m
		}
	}},
	{"read", func() func([]byte) uintptr {
		m := mmap(0, page, rwx, private, -1)
		var p [2]int
		check(syscall.Pipe2(p[:], 0))
		return func(code []byte) uintptr {
			_, err := syscall.Write(p[1], code)
			check(err)
			_, err = syscall.Read(p[0], bytes(m, len(code)))
			check(err)
			return m
		}
	}},
	{"/proc/self/mem", func() func([]byte) uintptr {
		m := mmap(0, page, rx, private, -1)
		fd, err := syscall.Open("/proc/self/mem", syscall.O_RDWR, 0)
		check(err)
		return func(code []byte) uintptr {
			_, err := syscall.Pwrite(fd, code, int64(m))
			check(err)
			return m
		}
	}},
	{"write to the mapped file", func() func([]byte) uintptr {
		fd := file()
		m := mmap(0, page, rx, syscall.MAP_SHARED, fd)
		return func(code []byte) uintptr {
			_, err := syscall.Pwrite(fd, code, 0)
			check(err)
			return m
		}
	}},
	{"another mapping at the address", func() func([]byte) uintptr {
		m := mmap(0, page, rwx, private, -1)
		return func(code []byte) uintptr {
			system(syscall.SYS_MUNMAP, m, page)
			mmap(m, page, rwx, private|syscall.MAP_FIXED, -1)
			copy(bytes(m, page), code)
			return m
		}
	}},
	{"madvise", func() func([]byte) uintptr {
		m := mmap(0, page, rwx, private, -1)
		return func(code []byte) uintptr {
			system(syscall.SYS_MADVISE, m, page, syscall.MADV_DONTNEED)
			copy(bytes(m, page), code)
			return m
		}
	}},
	{"mremap", func() func([]byte) uintptr {
		m, other := mmap(0, page, rwx, private, -1), mmap(0, page, rwx, private, -1)
		return func(code []byte) uintptr {
			copy(bytes(m, page), code)
			call(m, 0)
			const mayMove, fixed = 1, 2
			system(syscall.SYS_MREMAP, m, page, page, mayMove|fixed, other)
			m, other = other, m
			return m
		}
	}},
}

// forked changes the code in a child, which shares the page until then, and
// returns what the child's then does to x.
func forked(at uintptr, code []byte, x uint64) uint64 {
	pid, _, e := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if e != 0 {
		check(e)
	}
	if pid == 0 {
		copy(bytes(at, len(code)), code)
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(call(at, x)), 0, 0)
	}
	var status syscall.WaitStatus
	_, err := syscall.Wait4(int(pid), &status, 0, nil)
	check(err)
	return uint64(status.ExitStatus())
}

func main() {
	for _, way := range ways {
		put, bad := way.make(), 0
		for i := range 60 {
			n := []int{1, 2, 1, 1, i}[i%5] // what was there before, too
			at := put(add(n))
			for x := range uint64(3) {
				if got := call(at, x); got != x+uint64(n) {
					bad++
				}
			}
		}
		fmt.Printf("%s: %d wrong\n", way.name, bad)
	}
	m := mmap(0, page, rwx, private, -1)
	bad := 0
	for i := range 12 {
		copy(bytes(m, page), add(i%3))
		if call(m, 1) != uint64(1+i%3) || forked(m, add(50+i%2), 1) != uint64(51+i%2) || call(m, 2) != uint64(2+i%3) {
			bad++
		}
	}
	fmt.Printf("fork: %d wrong\n", bad)
}
