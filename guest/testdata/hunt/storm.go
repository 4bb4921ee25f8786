package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// In a storm all processes work on one file at once, each on bytes of its own,
// which lie in the same pages as the others': by write(2) and by stores into a
// mapping. What a process wrote it must read, at any time and any way, and at
// the end every byte must be on the host. Behind these bytes the file grows and
// shrinks, and beside it all append to a log.
const (
	stormers  = 4
	stormSize = 40_000 // bytes that belong to somebody
	stormRun  = 57     // so many in a row belong to one
	record    = 33     // of the log
)

func storm(dir string, seed, rounds int64) {
	if me, ok := os.LookupEnv("STORMER"); ok {
		stormer(dir, number(me), seed, rounds)
		return
	}
	check(os.WriteFile(dir+"/storm", make([]byte, stormSize), 0o666))
	check(os.WriteFile(dir+"/log", nil, 0o666))
	var cmds []*exec.Cmd
	for i := range stormers {
		cmd := exec.Command(os.Args[0], os.Args[1:]...)
		cmd.Env = append(os.Environ(), fmt.Sprint("STORMER=", i))
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		check(cmd.Start())
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		if cmd.Wait() != nil {
			fail("a process of the storm has failed")
		}
	}
	b, err := os.ReadFile(dir + "/storm")
	check(err)
	for i := range stormSize {
		if b[i] != final(i) {
			fail(fmt.Sprintf("at the end byte %d is %#x, want %#x", i, b[i], final(i)))
		}
	}
	fmt.Println("file storm", digest(b))
	log, err := os.ReadFile(dir + "/log")
	check(err)
	count := map[string]int{}
	for _, line := range strings.SplitAfter(string(log), "\n") {
		if len(line) == record {
			count[line]++
		} else if line != "" {
			fail(fmt.Sprintf("a torn record of %d bytes: %q", len(line), line))
		}
	}
	for i := range int64(stormers) {
		for r := int64(0); r < rounds; r += logEvery {
			if line := logLine(i, r); count[line] != 1 {
				fail(fmt.Sprintf("record %q is there %d times", line, count[line]))
			}
		}
	}
	fmt.Println("file log", digest(log))
	fmt.Println("done")
}

const logEvery = 5

func logLine(i, round int64) string {
	return fmt.Sprintf("%-*s\n", record-1, fmt.Sprintf("process %d round %d", i, round))
}

func final(i int) byte { return byte(i*31>>3) ^ byte(i) }

// stormer is one of the processes.
func stormer(dir string, me, seed, rounds int64) {
	r := rand.New(rand.NewSource(seed*stormers + me))
	fd, err := syscall.Open(dir+"/storm", syscall.O_RDWR, 0)
	check(err)
	m, err := syscall.Mmap(fd, 0, stormSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	check(err)
	log, err := syscall.Open(dir+"/log", []int{syscall.O_WRONLY, syscall.O_RDWR}[me&1]|syscall.O_APPEND, 0)
	check(err)
	var mine []int // where the runs are that belong to this process
	for at := int(me) * stormRun; at+stormRun <= stormSize; at += stormers * stormRun {
		mine = append(mine, at)
	}
	have := make([]byte, stormSize)
	put := func(at int, b []byte, mapped bool) {
		copy(have[at:], b)
		if mapped {
			copy(m[at:], b)
		} else if n, err := syscall.Pwrite(fd, b, int64(at)); n != len(b) {
			fail("pwrite:", n, err)
		}
	}
	see := func(round int64, at int) {
		var b [stormRun]byte
		if n, err := syscall.Pread(fd, b[:], int64(at)); n != len(b) {
			fail("pread:", n, err)
		}
		if want := have[at : at+stormRun]; !bytes.Equal(b[:], want) {
			fail(fmt.Sprintf("process %d round %d: read at %d %x, want %x", me, round, at, b, want))
		} else if got := m[at : at+stormRun]; !bytes.Equal(got, want) {
			fail(fmt.Sprintf("process %d round %d: the mapping has at %d %x, want %x", me, round, at, got, want))
		}
	}
	for round := range rounds {
		b := make([]byte, 1+r.Intn(stormRun))
		r.Read(b)
		at := mine[r.Intn(len(mine))]
		put(at, b, r.Intn(2) == 0)
		see(round, at)
		see(round, mine[r.Intn(len(mine))])
		if round%logEvery == 0 {
			if n, err := syscall.Write(log, []byte(logLine(me, round))); n != record {
				fail("appending:", n, err)
			}
		}
		switch r.Intn(12) { // what must not disturb any of this
		case 0:
			check(syscall.Ftruncate(fd, stormSize+r.Int63n(30_000)))
		case 1:
			check(syscall.Truncate(dir+"/storm", stormSize+r.Int63n(9000)))
		case 2:
			_, err := syscall.Pwrite(fd, b, stormSize+r.Int63n(20_000))
			check(err)
		case 3:
			check(syscall.Chmod(dir+"/storm", 0o600+uint32(r.Intn(64))))
		case 4:
			check(msync(m, syscall.MS_SYNC))
		case 5:
			other, err := os.ReadFile(dir + "/storm")
			check(err)
			if len(other) < stormSize {
				fail(fmt.Sprintf("process %d round %d: the file has %d bytes", me, round, len(other)))
			}
		case 6:
			var st syscall.Stat_t
			check(syscall.Stat(dir+"/storm", &st))
			if st.Size < stormSize {
				fail(fmt.Sprintf("process %d round %d: the size is told as %d", me, round, st.Size))
			}
		case 7:
			check(syscall.UtimesNano(dir+"/storm", []syscall.Timespec{{Sec: 1e9}, {Sec: 1e9}}))
		case 8:
			check(syscall.Fsync(fd))
		}
	}
	for _, at := range mine {
		var b [stormRun]byte
		for i := range b {
			b[i] = final(at + i)
		}
		put(at, b[:], r.Intn(2) == 0)
	}
	if rest := stormSize - stormSize%(stormers*stormRun); int(me) == 0 && rest < stormSize { // nobody's
		for at := rest; at < stormSize; at++ {
			if _, err := syscall.Pwrite(fd, []byte{final(at)}, int64(at)); err != nil {
				fail(err)
			}
		}
	}
}
