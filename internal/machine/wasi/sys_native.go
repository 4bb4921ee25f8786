//go:build !wasip1

package wasi

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// Streams is a host for tests of the machine: its clocks and randomness are
// the process's. Nil streams are empty or swallow everything. Exit is called
// with the status and may return or panic.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Args, Environ  []string
	Exit           func(status int)
	// Files are the directories that the host hands over, or nil.
	Files hostfs.FS
}

// NewHost returns a host over s.
func (s Streams) NewHost() *Host {
	if s.Exit == nil {
		s.Exit = func(int) {}
	}
	return &Host{sys: newProcess(s.Stdin, s.Stdout, s.Stderr, s.Args, s.Environ, s.Exit), files: s.Files}
}

// process emulates preview 1 over Go's streams. A goroutine reads standard
// input, from the first time on that somebody asks for it.
type process struct {
	stdin       io.Reader
	out         [3]io.Writer
	argv, envv  []string
	exitProcess func(int)
	start       time.Time

	asked   chan struct{}
	arrived chan input
	have    *input
}

type input struct {
	data []byte
	err  error
}

func newProcess(stdin io.Reader, stdout, stderr io.Writer, args, environ []string, exit func(int)) *process {
	if stdout == nil {
		stdout = io.Discard
	}
	if stderr == nil {
		stderr = io.Discard
	}
	return &process{stdin: stdin, out: [3]io.Writer{Stdout: stdout, Stderr: stderr},
		argv: args, envv: environ, exitProcess: exit, start: time.Now()}
}

func (p *process) clock(id clockID) (int64, Errno) {
	switch id {
	case clockRealtime:
		return time.Now().UnixNano(), errnoSuccess
	case clockMonotonic:
		return int64(time.Since(p.start)), errnoSuccess
	}
	return 0, errnoInval
}

func (p *process) random(b []byte) Errno {
	if _, err := rand.Read(b); err != nil {
		return errnoIO
	}
	return errnoSuccess
}

// fetch has the goroutine read one piece, unless one is there or on its way.
func (p *process) fetch() {
	if p.asked == nil {
		p.asked = make(chan struct{}, 1)
		p.arrived = make(chan input, 1)
		p.asked <- struct{}{}
		go func() {
			buf := make([]byte, 65536)
			for range p.asked {
				n, err := p.stdin.Read(buf)
				p.arrived <- input{buf[:n], err}
			}
		}()
	}
}

func (p *process) poll(timeout int64, stdin bool) (pollResult, Errno) {
	if !stdin {
		time.Sleep(time.Duration(timeout))
		return pollResult{clock: true}, errnoSuccess
	}
	if p.stdin == nil || p.have != nil {
		return pollResult{stdin: true}, errnoSuccess
	}
	p.fetch()
	t := time.NewTimer(time.Duration(timeout))
	defer t.Stop()
	select {
	case in := <-p.arrived:
		p.have = &in
		return pollResult{stdin: true}, errnoSuccess
	case <-t.C:
		return pollResult{clock: true}, errnoSuccess
	}
}

func (p *process) read(b []byte) (int, Errno) {
	if p.stdin == nil {
		return 0, errnoSuccess
	}
	if p.have == nil {
		p.fetch()
		in := <-p.arrived
		p.have = &in
	}
	n := copy(b, p.have.data)
	p.have.data = p.have.data[n:]
	if len(p.have.data) > 0 {
		return n, errnoSuccess
	}
	err := p.have.err
	switch {
	case err == nil:
		p.have = nil
		p.asked <- struct{}{}
		if n == 0 {
			return 0, errnoAgain
		}
	case n > 0:
		// The end or error is told by the next read.
	case err == io.EOF:
	default:
		return 0, toErrno(err)
	}
	return n, errnoSuccess
}

func (p *process) write(fd int, b []byte) (int, Errno) {
	if fd != Stdout && fd != Stderr {
		return 0, errnoBadf
	}
	n, err := p.out[fd].Write(b)
	if err != nil && n == 0 {
		return 0, toErrno(err)
	}
	return n, errnoSuccess
}

func toErrno(err error) Errno {
	switch {
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return errnoPipe
	case errors.Is(err, syscall.EBADF), errors.Is(err, fs.ErrClosed):
		return errnoBadf
	case errors.Is(err, syscall.EAGAIN):
		return errnoAgain
	case errors.Is(err, syscall.EINTR):
		return errnoIntr
	}
	return errnoIO
}

func (p *process) exit(status int)   { p.exitProcess(status) }
func (p *process) args() []string    { return p.argv }
func (p *process) environ() []string { return p.envv }
