// Reactor is a small machine for the linker's tests. Its first argument says
// what it does; it does so in its step function.
package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

//go:wasmimport c2w add
func add(a int32, b int64) int64

//go:wasmimport c2w peek
func peek(at uint32) uint64

//go:wasmimport c2w poke
func poke(at uint32, v uint64)

//go:wasmimport c2w segment_read
func segmentRead(seg, off, dst, n uint32) int32

//go:wasmimport c2w hook
func hook(x int32) int32

//go:wasmimport c2w count
func count() int32

// An import of WASI behind those of c2w, so that they are not the last ones.
//
//go:wasmimport wasi_snapshot_preview1 random_get
func zRandom(p *byte, n uint32) uint32

var (
	steps int
	keep  [][]byte
	acc   int64
)

//go:wasmexport c2w_step
func step() int32 {
	steps++
	switch os.Args[1] {
	case "calls":
		return calls()
	case "exit":
		status, _ := strconv.Atoi(os.Args[2])
		if steps == 3 {
			os.Exit(status)
		}
		return 0
	case "oom":
		keep = append(keep, make([]byte, 1<<20))
		keep[len(keep)-1][0] = 1
		return 0
	case "garbage":
		keep = append(keep[:0], make([]byte, 1<<20))
		if steps < 200 {
			return 0
		}
		return say("done", steps)
	case "bench":
		return bench()
	}
	return say("no such command", -1)
}

// nop is for measuring the cost of a step.
//
//go:wasmexport nop
func nop() int32 { acc = add(1, acc); return 0 }

func say(what string, v int) int32 {
	os.Stdout.WriteString(what + " " + strconv.Itoa(v) + "\n")
	return -1
}

// calls prints one line per step.
func calls() int32 {
	const ram = 512 * 65536
	v := 0
	switch steps {
	case 1:
		v = int(add(-2, 1<<40))
	case 2:
		v = int(peek(ram + 8))
	case 3:
		poke(ram+16, 77)
		v = int(peek(ram + 16))
	case 4:
		v = int(segmentRead(1, 2, ram+100, 6))<<32 | int(uint32(peek(ram+100)))
	case 5:
		v = int(segmentRead(1, 3, ram, 6))
	case 6:
		v = int(segmentRead(0, 0, ram, 0))
	case 7:
		v = int(segmentRead(9, 0, ram, 0))
	case 8:
		v = int(segmentRead(1, 0, 576*65536-1, 2))
	case 9:
		v = int(segmentRead(1, 0xffff_ffff, ram, 2))
	case 10:
		v = int(hook(5))
	case 11:
		count()
		v = int(count())
	case 12:
		var b [8]byte
		v = int(zRandom(&b[0], 8))
	default:
		return -1
	}
	say("step "+strconv.Itoa(steps), v)
	return 0
}

// bench prints nanoseconds per thousand calls Go → core → Go.
func bench() int32 {
	const n = 5_000_000
	start := time.Now()
	for range n {
		acc = add(1, acc)
	}
	return say("ns/1000 calls", int(time.Since(start).Nanoseconds()*1000/n))
}

func init() { debug.SetMemoryLimit(24 << 20) }

func main() {}
