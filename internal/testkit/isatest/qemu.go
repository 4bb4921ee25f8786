package isatest

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed riscv64.S
var riscv64Harness []byte

// Qemu runs riscv64 code in qemu's user mode emulation.
type Qemu struct {
	emulator, program string
}

// ErrNoQemu means that the emulator or the cross assembler is not installed.
var ErrNoQemu = errors.New("no qemu-riscv64-static, or no riscv64-linux-gnu-as and -ld")

// NewQemu builds the program that runs inside of qemu, in dir.
func NewQemu(dir string) (*Qemu, error) {
	var tools [2]string
	for i, name := range []string{"riscv64-linux-gnu-as", "riscv64-linux-gnu-ld"} {
		var err error
		if tools[i], err = exec.LookPath(name); err != nil {
			return nil, ErrNoQemu
		}
	}
	emulator, err := exec.LookPath("qemu-riscv64-static")
	if err != nil {
		if emulator, err = exec.LookPath("qemu-riscv64"); err != nil {
			return nil, ErrNoQemu
		}
	}
	q := &Qemu{emulator, filepath.Join(dir, "harness")}
	as := exec.Command(tools[0], "-o", q.program+".o", "-")
	as.Stdin = bytes.NewReader(riscv64Harness)
	if out, err := as.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("assembling the harness: %w\n%s", err, out)
	}
	section := func(name string, addr int) string { return fmt.Sprintf("--section-start=.%s=%#x", name, addr) }
	ld := exec.Command(tools[1], "--no-relax", "--no-warn-rwx-segments", "-o", q.program, q.program+".o",
		section("epilogue", epilogue), section("code", CodeBase), section("scratch", MemBase), section("record", DataBase))
	if out, err := ld.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("linking the harness: %w\n%s", err, out)
	}
	return q, nil
}

// Offsets in a record, see riscv64.S.
const (
	epilogue  = 0x1000_0000
	recF      = 256
	recFCSR   = 512
	recMem    = 528
	recCode   = recMem + MemSize
	recSize   = recCode + CodeMax
	resultLen = recCode
)

// RunAll runs every vector's code from its start state; the results are in the
// same order.
func (q *Qemu) RunAll(vectors []Vector) ([]*State, error) {
	var in []byte
	for i, v := range vectors {
		r, err := record(v)
		if err != nil {
			return nil, fmt.Errorf("vector %d: %w", i, err)
		}
		in = append(in, r...)
	}
	// Files, not pipes: the program expects whole records from one read.
	inName := q.program + ".in"
	if err := os.WriteFile(inName, in, 0o666); err != nil {
		return nil, err
	}
	stdin, err := os.Open(inName)
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	stdout, err := os.Create(q.program + ".out")
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	cmd := exec.Command(q.emulator, "-cpu", "rv64,zba=true,zbb=true,zbc=false,zbs=true,v=false", q.program)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, os.Stderr
	runErr := cmd.Run()
	out, err := os.ReadFile(q.program + ".out")
	if err != nil {
		return nil, err
	}
	if runErr != nil {
		n := len(out) / resultLen
		return nil, fmt.Errorf("qemu ended in vector %d (%v): %w", n, vectors[min(n, len(vectors)-1)], runErr)
	}
	if len(out) != len(vectors)*resultLen {
		return nil, fmt.Errorf("qemu wrote %d bytes for %d vectors", len(out), len(vectors))
	}
	var list []*State
	for ; len(out) > 0; out = out[resultLen:] {
		list = append(list, result(out))
	}
	return list, nil
}

func record(v Vector) ([]byte, error) {
	if len(v.Code) > CodeMax-4 {
		return nil, fmt.Errorf("code of %d bytes exceeds %d", len(v.Code), CodeMax-4)
	}
	s := Start(v.Seed)
	r := make([]byte, recSize)
	for i := range 32 {
		binary.LittleEndian.PutUint64(r[8*i:], s.G[i])
		binary.LittleEndian.PutUint64(r[recF+8*i:], s.F[i])
	}
	binary.LittleEndian.PutUint32(r[recFCSR:], s.FCSR)
	copy(r[recMem:], s.Mem[:])
	copy(r[recCode:], v.Code)
	back := encodeJ(int32(epilogue - CodeBase - len(v.Code)))
	binary.LittleEndian.PutUint32(r[recCode+len(v.Code):], back)
	return r, nil
}

// encodeJ is "jal x0, disp".
func encodeJ(disp int32) uint32 {
	d := uint32(disp)
	return d>>20&1<<31 | d>>1&0x3ff<<21 | d>>11&1<<20 | d>>12&0xff<<12 | 0x6f
}

func result(r []byte) *State {
	s := &State{}
	for i := range 32 {
		s.G[i] = binary.LittleEndian.Uint64(r[8*i:])
		s.F[i] = binary.LittleEndian.Uint64(r[recF+8*i:])
	}
	s.FCSR = binary.LittleEndian.Uint32(r[recFCSR:])
	copy(s.Mem[:], r[recMem:])
	return s
}
