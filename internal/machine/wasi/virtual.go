//go:build !wasip1

package wasi

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
)

// Virtual is a host that has no time and no chance of its own: every answer
// follows from these fields, so that a machine on it does the same each time.
// It hands over no directories, arguments or environment.
type Virtual struct {
	// Stdin is always ready to be read; nil is at its end. Nil outputs swallow
	// everything.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Seed is what random numbers are made from. They are no secret.
	Seed uint64
	// Realtime is what that clock shows at the start, in nanoseconds since
	// 1970-01-01 UTC; the monotonic clock starts at 0.
	Realtime int64
	// Worked returns how long the machine has been at work since the start, in
	// nanoseconds, and never less than before; nil is always 0. The clocks show
	// that and what was slept: a sleep takes no time but theirs.
	Worked func() int64
}

// NewHost returns a host over v.
func (v Virtual) NewHost() *Host {
	if v.Stdout == nil {
		v.Stdout = io.Discard
	}
	if v.Stderr == nil {
		v.Stderr = io.Discard
	}
	if v.Worked == nil {
		v.Worked = func() int64 { return 0 }
	}
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], v.Seed)
	return &Host{sys: &virtual{Virtual: v, chance: rand.NewChaCha8(seed)}}
}

type virtual struct {
	Virtual
	chance *rand.ChaCha8
	slept  int64
}

func (v *virtual) clock(id clockID) (int64, Errno) {
	now := v.Worked() + v.slept
	switch id {
	case clockRealtime:
		return v.Realtime + now, errnoSuccess
	case clockMonotonic:
		return now, errnoSuccess
	}
	return 0, errnoInval
}

func (v *virtual) random(p []byte) Errno {
	v.chance.Read(p) // it never fails
	return errnoSuccess
}

func (v *virtual) poll(timeout int64, stdin bool) (pollResult, Errno) {
	if stdin {
		return pollResult{stdin: true}, errnoSuccess
	}
	v.slept += max(timeout, 0)
	return pollResult{clock: true}, errnoSuccess
}

func (v *virtual) read(p []byte) (int, Errno) {
	if v.Stdin == nil {
		return 0, errnoSuccess
	}
	n, err := v.Stdin.Read(p)
	switch {
	case n > 0, err == io.EOF: // a reader tells its end once more
		return n, errnoSuccess
	case err == nil:
		return 0, errnoAgain
	}
	return 0, toErrno(err)
}

func (v *virtual) write(fd int, p []byte) (int, Errno) {
	w := v.Stdout
	switch fd {
	case Stdout:
	case Stderr:
		w = v.Stderr
	default:
		return 0, errnoBadf
	}
	n, err := w.Write(p)
	if err != nil && n == 0 {
		return 0, toErrno(err)
	}
	return n, errnoSuccess
}

func (v *virtual) exit(int)          {}
func (v *virtual) args() []string    { return nil }
func (v *virtual) environ() []string { return nil }
