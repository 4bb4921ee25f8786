package runner

import (
	"io"
	"os"
	"runtime"
	"syscall"
	"time"

	esys "github.com/tetratelabs/wazero/experimental/sys"
)

// pollable returns a standard input that wazero can wait for. It waits for
// files itself, with poll(2), except on Windows; everything else it takes as
// always ready, and a machine that believes it blocks in its next read.
func pollable(r io.Reader) io.Reader {
	if _, ok := r.(*os.File); ok && runtime.GOOS != "windows" {
		return r
	}
	if r == nil {
		return nil
	}
	return newPump(r)
}

// pump reads ahead in a goroutine, one piece at a time, from the first time on
// that somebody asks. It is for one caller.
type pump struct {
	r     io.Reader
	ask   chan struct{}
	came  chan piece
	have  piece
	ready bool // have is to be read
	begun bool
}

type piece struct {
	data []byte
	err  error
}

func newPump(r io.Reader) *pump {
	return &pump{r: r, ask: make(chan struct{}, 1), came: make(chan piece, 1)}
}

// request has the next piece read, unless that is under way.
func (p *pump) request() {
	if !p.begun {
		p.begun = true
		p.ask <- struct{}{}
		go func() {
			buf := make([]byte, 64<<10)
			for range p.ask {
				n, err := p.r.Read(buf)
				p.came <- piece{buf[:n], err}
			}
		}()
	}
}

// Poll implements wazero's Pollable. A negative timeout waits for ever.
func (p *pump) Poll(flag esys.Pflag, millis int32) (bool, esys.Errno) {
	if flag != esys.POLLIN {
		return false, esys.ENOTSUP
	}
	if p.ready {
		return true, 0
	}
	p.request()
	var late <-chan time.Time
	if millis >= 0 {
		t := time.NewTimer(time.Duration(millis) * time.Millisecond)
		defer t.Stop()
		late = t.C
	}
	select {
	case p.have = <-p.came:
		p.ready = true
	case <-late:
	}
	return p.ready, 0
}

func (p *pump) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if !p.ready {
		p.request()
		p.have = <-p.came
		p.ready = true
	}
	if n := copy(b, p.have.data); n > 0 {
		if p.have.data = p.have.data[n:]; len(p.have.data) == 0 && p.have.err == nil {
			p.ready = false
			p.ask <- struct{}{}
		}
		return n, nil
	}
	if p.have.err == nil { // an empty read, which io.Reader allows
		p.ready = false
		p.ask <- struct{}{}
		return 0, syscall.EAGAIN
	}
	return 0, p.have.err // from now on always
}
