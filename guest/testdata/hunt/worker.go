package main

import (
	"bufio"

	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"sort"
	"strings"
	"syscall"
	"unsafe"
)

// Kinds of operations. Those without a weight are the hunt's own.
const (
	opOpen = iota
	opClose
	opRead
	opPread
	opWrite
	opPwrite
	opWritev
	opSeek
	opFtruncate
	opTruncate
	opChmod
	opUtime
	opRename
	opLink
	opUnlink
	opMkdir
	opRmdir
	opStat
	opFstat
	opReadFile
	opMap
	opStore
	opLoad
	opMsync
	opUnmap
	opFsync
	opSetFlags
	opAppendOnce
	opCopyRange
	opList
	opTake
	opDie
	opCopySelf

	opWhich
	opSyncAll
	opAppendIf
	opAppendNow
)

var weights = []struct{ kind, weight int }{
	{opOpen, 40}, {opClose, 12}, {opRead, 12}, {opPread, 12}, {opWrite, 40}, {opPwrite, 30}, {opWritev, 6},
	{opSeek, 8}, {opFtruncate, 12}, {opTruncate, 10}, {opChmod, 6}, {opUtime, 6}, {opRename, 6}, {opLink, 4},
	{opUnlink, 8}, {opMkdir, 3}, {opRmdir, 2}, {opStat, 14}, {opFstat, 10}, {opReadFile, 16}, {opMap, 14},
	{opStore, 24}, {opLoad, 12}, {opMsync, 5}, {opUnmap, 6}, {opFsync, 3}, {opSetFlags, 4}, {opAppendOnce, 5},
	{opCopyRange, 5}, {opList, 3}, {opTake, 5}, {opDie, 1}, {opCopySelf, 4},
}

var kindNames = strings.Fields(`open close read pread write pwrite writev seek ftruncate truncate chmod utime rename link unlink
	mkdir rmdir stat fstat readfile map store load msync unmap fsync setflags appendonce copyrange list take die copyself
	which syncall appendif appendnow`)

func (o *op) String() string {
	return fmt.Sprintf("%s slot %d %s %s flags %#x off %d len %d", kindNames[o.Kind], o.Slot, names[o.Name%int64(len(names))], names[o.Name2%int64(len(names))], o.Flags, o.Off, o.Len)
}

// slot is the same open file in both trees.
type slot struct {
	fd     [2]int // -1: none
	data   [2][]byte
	flags  int
	name   int64
	shared bool
}

type agent struct {
	root  [2]string
	slots [slots]slot
}

// work does what comes on standard input, in both trees, and answers with a line:
// nothing, a result, or DIFFERS and how.
func work(dir, model string) {
	a := &agent{root: [2]string{dir, model}}
	for i := range a.slots {
		a.slots[i].fd = [2]int{-1, -1}
	}
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		var o op
		if err := binary.Read(in, binary.LittleEndian, &o); err == io.EOF {
			return
		} else {
			check(err)
		}
		fmt.Fprintln(out, a.do(&o))
		out.Flush()
	}
}

func (a *agent) do(o *op) string {
	s := &a.slots[o.Slot]
	if o.Kind == opWhich {
		return fmt.Sprint(s.fd[0], " ", s.fd[1])
	}
	if o.Kind == opSyncAll {
		for i := range a.slots {
			if d := a.slots[i].data[0]; d != nil {
				check(msync(d, syscall.MS_SYNC))
			}
		}
		return ""
	}
	if skip := a.prepare(o, s); skip {
		return ""
	}
	var result [2]string
	for i := range result {
		result[i] = a.one(o, s, i)
	}
	if result[0] != result[1] {
		return fmt.Sprintf("DIFFERS step %d: %s (slot's %s, flags %#o): %s, want %s", o.Step, o, names[s.name], s.flags, clip(result[0]), clip(result[1]))
	}
	a.after(o, s)
	return clip(result[0]) + " (" + names[s.name] + ")"
}

func clip(s string) string {
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	return s
}

// prepare says whether the operation has no meaning now: nothing to do it with.
func (a *agent) prepare(o *op, s *slot) (skip bool) {
	open := s.fd[0] >= 0
	switch o.Kind {
	case opOpen, opTake:
		return open || o.Kind == opTake && (o.Flags < 0 || o.Other == int64(os.Getpid()))
	case opAppendIf:
		return !open || s.flags&syscall.O_APPEND == 0 || s.flags&3 == 0 || s.shared
	case opMap:
		if !open || s.data[0] != nil || s.flags&3 != syscall.O_RDWR {
			return true
		}
		o.Len = 1 + o.Len%40_000
	case opStore, opLoad, opCopySelf:
		// Only bytes of the file: what is stored behind its end is no part of it.
		size := int64(len(s.data[0]))
		for i := range s.data {
			var st syscall.Stat_t
			if s.data[i] == nil || syscall.Fstat(s.fd[i], &st) != nil {
				return true
			}
			size = min(size, st.Size)
		}
		if size == 0 {
			return true
		}
		o.Off = max(o.Off, -o.Off) % size
		o.Len = min(o.Len, size-o.Off)
		return o.Len == 0
	case opMsync, opUnmap:
		return s.data[0] == nil
	case opClose:
		return !open || s.data[0] != nil && o.Flags&1 == 0
	case opRead, opPread, opWrite, opPwrite, opWritev, opSeek, opFtruncate, opFstat, opFsync, opSetFlags, opAppendOnce:
		return !open
	case opCopyRange:
		// Within one file, what overlaps has no defined result: the pages are
		// written to while they are in the pipe.
		other := &a.slots[o.Name%slots]
		return !open || other.fd[0] < 0 || sameFile(s.fd[1], other.fd[1])
	}
	return false
}

func sameFile(a, b int) bool {
	var x, y syscall.Stat_t
	check(syscall.Fstat(a, &x))
	check(syscall.Fstat(b, &y))
	return x.Ino == y.Ino
}

// bytesOf are an operation's own.
func bytesOf(o *op) []byte {
	b := make([]byte, o.Len)
	rand.New(rand.NewSource(o.Step*7919 + o.Len)).Read(b)
	return b
}

func errno(err error) string {
	var e syscall.Errno
	if errors.As(err, &e) {
		return fmt.Sprintf("%d %s", int(e), e)
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}

// one does the operation in one of the trees and tells all that comes back.
func (a *agent) one(o *op, s *slot, i int) string {
	path, path2 := a.root[i]+"/"+names[o.Name], a.root[i]+"/"+names[o.Name2%int64(len(names))]
	fd := s.fd[i]
	moved := func(n int, err error) string { return fmt.Sprint(max(n, 0), " ", errno(err)) }
	switch o.Kind {
	case opOpen:
		n, err := syscall.Open(path, openFlags(o), 0o644)
		if err == nil {
			s.fd[i] = n
			var st syscall.Stat_t
			if syscall.Fstat(n, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
				syscall.Close(n)
				s.fd[i] = -1
				return "directory"
			}
		}
		return errno(err)
	case opTake:
		n, err := take(int(o.Other), int([2]int64{o.Flags, o.Off}[i]))
		check(err)
		s.fd[i] = n
		flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(n), syscall.F_GETFL, 0)
		return fmt.Sprintf("%#o", flags)
	case opClose:
		s.fd[i] = -1
		return errno(syscall.Close(fd))
	case opRead, opPread:
		b := make([]byte, o.Len)
		var n int
		var err error
		if o.Kind == opRead {
			n, err = syscall.Read(fd, b)
		} else {
			n, err = syscall.Pread(fd, b, o.Off)
		}
		return moved(n, err) + " " + digest(b[:max(n, 0)])
	case opWrite:
		return moved(syscall.Write(fd, bytesOf(o)))
	case opPwrite:
		return moved(syscall.Pwrite(fd, bytesOf(o), o.Off))
	case opWritev, opAppendOnce:
		b := bytesOf(o)
		k := len(b) / 3
		return moved(writev(fd, [][]byte{b[:k], b[k:]}, o.Kind == opAppendOnce))
	case opAppendIf:
		return moved(syscall.Write(fd, bytesOf(o)))
	case opAppendNow:
		n, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_APPEND, 0)
		if err != nil {
			return errno(err)
		}
		defer syscall.Close(n)
		k, err := syscall.Write(n, bytesOf(o))
		b, _ := os.ReadFile(path)
		return moved(k, err) + " " + digest(b)
	case opSeek:
		n, err := syscall.Seek(fd, o.Off, int(o.Flags%3))
		return moved(int(n), err)
	case opFtruncate:
		return errno(syscall.Ftruncate(fd, o.Off))
	case opTruncate:
		return errno(syscall.Truncate(path, o.Off))
	case opChmod:
		return errno(syscall.Chmod(path, uint32(0o600|o.Flags&0o177)))
	case opUtime:
		t := []syscall.Timespec{{Sec: 1e9 + o.Off}, {Sec: 1e9 + o.Len}}
		if err := syscall.UtimesNano(path, t); err != nil {
			return errno(err)
		}
		var st syscall.Stat_t
		err := syscall.Stat(path, &st)
		return fmt.Sprint(errno(err), " ", st.Mtim.Sec)
	case opRename:
		return errno(syscall.Rename(path, path2))
	case opLink:
		return errno(syscall.Link(path, path2))
	case opUnlink:
		return errno(syscall.Unlink(path))
	case opMkdir:
		return errno(syscall.Mkdir(path, 0o755))
	case opRmdir:
		return errno(syscall.Rmdir(path))
	case opStat:
		var st syscall.Stat_t
		err := syscall.Lstat(path, &st)
		return errno(err) + attributes(&st)
	case opFstat:
		var st syscall.Stat_t
		err := syscall.Fstat(fd, &st)
		return errno(err) + attributes(&st)
	case opReadFile:
		b, err := os.ReadFile(path)
		return errno(err) + " " + digest(b)
	case opMap:
		d, err := syscall.Mmap(fd, 0, int(o.Len), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
		s.data[i] = d
		return errno(err)
	case opStore:
		copy(s.data[i][o.Off:o.Off+o.Len], bytesOf(o))
		return "stored"
	case opLoad:
		return digest(s.data[i][o.Off : o.Off+o.Len])
	case opCopySelf: // the source of the write is the file itself
		return moved(syscall.Pwrite(fd, s.data[i][o.Off:o.Off+o.Len], o.Flags%20_000))
	case opMsync:
		return errno(msync(s.data[i], []int{syscall.MS_SYNC, syscall.MS_ASYNC}[o.Flags&1]))
	case opUnmap:
		return errno(syscall.Munmap(s.data[i]))
	case opFsync:
		if o.Flags&1 == 0 {
			return errno(syscall.Fdatasync(fd))
		}
		return errno(syscall.Fsync(fd))
	case opSetFlags:
		_, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFL, uintptr(o.Flags&syscall.O_APPEND))
		return e.Error()
	case opCopyRange:
		n, err := syscall.Sendfile(fd, a.slots[o.Name%slots].fd[i], nil, int(o.Len))
		return moved(n, err)
	case opList:
		entries, err := os.ReadDir(a.root[i] + []string{"", "/d", "/e"}[o.Flags%3])
		var list []string
		for _, e := range entries {
			list = append(list, e.Name())
		}
		sort.Strings(list)
		return errno(err) + " " + strings.Join(list, " ")
	}
	panic("BUG: no such operation")
}

// after keeps what the operation has changed of the slot.
func (a *agent) after(o *op, s *slot) {
	switch o.Kind {
	case opOpen:
		s.flags, s.name, s.shared = openFlags(o), o.Name, false
	case opTake:
		flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(s.fd[0]), syscall.F_GETFL, 0)
		s.flags, s.shared = int(flags), true
	case opSetFlags:
		s.flags = s.flags&^syscall.O_APPEND | int(o.Flags)&syscall.O_APPEND
	case opClose, opUnmap:
		if o.Kind == opClose && s.data[0] != nil { // the mapping stays without the file
			for i := range s.data {
				check(syscall.Munmap(s.data[i]))
			}
		}
		s.data = [2][]byte{}
	}
}

// openFlags are random, with what is frequent more frequent.
func openFlags(o *op) int {
	flags := []int{syscall.O_RDONLY, syscall.O_WRONLY, syscall.O_RDWR, syscall.O_RDWR}[o.Flags&3]
	if o.Flags&(1<<2) != 0 || o.Flags&(1<<3) != 0 {
		flags |= syscall.O_CREAT
	}
	if o.Flags>>4&7 == 0 {
		flags |= syscall.O_EXCL
	}
	if o.Flags>>7&3 == 0 && flags&3 != 0 { // with O_RDONLY it is not defined
		flags |= syscall.O_TRUNC
	}
	if o.Flags>>9&3 == 0 {
		flags |= syscall.O_APPEND
	}
	if o.Flags>>11&15 == 0 {
		flags |= syscall.O_DSYNC
	}
	return flags
}

// attributes are what both file systems must agree on.
func attributes(st *syscall.Stat_t) string {
	if st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		return fmt.Sprintf(" %o", st.Mode)
	}
	return fmt.Sprintf(" %o size %d links %d", st.Mode, st.Size, st.Nlink)
}

func msync(b []byte, flags int) error {
	_, _, e := syscall.Syscall(syscall.SYS_MSYNC, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(flags))
	if e != 0 {
		return e
	}
	return nil
}

// writev is pwritev2(2) at the file's own position; RWF_APPEND if it is once.
func writev(fd int, parts [][]byte, once bool) (int, error) {
	const rwfAppend = 0x10
	iov := make([]syscall.Iovec, 0, len(parts))
	for _, p := range parts {
		if len(p) > 0 {
			v := syscall.Iovec{Base: &p[0]}
			v.SetLen(len(p))
			iov = append(iov, v)
		}
	}
	if len(iov) == 0 {
		return 0, nil
	}
	flags := uintptr(0)
	if once {
		flags = rwfAppend
	}
	n, _, e := syscall.Syscall6(pwritev2, uintptr(fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)), ^uintptr(0), ^uintptr(0), flags)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// take is another process's open file: the same one, as after fork(2).
func take(pid, fd int) (int, error) {
	const pidfdOpen, pidfdGetfd = 434, 438
	p, _, e := syscall.Syscall(pidfdOpen, uintptr(pid), 0, 0)
	if e != 0 {
		return -1, e
	}
	defer syscall.Close(int(p))
	n, _, e := syscall.Syscall(pidfdGetfd, p, uintptr(fd), 0)
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}
