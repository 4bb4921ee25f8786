package runner

import (
	"io"
	"sync"
	"time"

	esys "github.com/tetratelabs/wazero/experimental/sys"
)

// pipe is the standard input of a file in this process. Nothing is copied on
// the way but into the file's memory: a write lasts until all of it was read.
//
// There may be several writers, and there is one reader.
type pipe struct {
	write  sync.Mutex // held by the writer whose bytes are being read
	offer  chan []byte
	taken  chan struct{}
	closed chan struct{}
	close  sync.Once
	have   []byte // the reader's: what is left of an offer
}

func newPipe() *pipe {
	return &pipe{offer: make(chan []byte), taken: make(chan struct{}, 1), closed: make(chan struct{})}
}

// Write waits until b was read. After a Close meanwhile b may still be read
// from, as the reader cannot be interrupted in it.
func (p *pipe) Write(b []byte) (int, error) {
	p.write.Lock()
	defer p.write.Unlock()
	if len(b) == 0 {
		return 0, nil
	}
	select {
	case <-p.closed:
		return 0, io.ErrClosedPipe
	default:
	}
	select {
	case p.offer <- b:
	case <-p.closed:
		return 0, io.ErrClosedPipe
	}
	select {
	case <-p.taken:
		return len(b), nil
	case <-p.closed:
		return 0, io.ErrClosedPipe
	}
}

// Close is the end of the input, and of writes that are waiting.
func (p *pipe) Close() error {
	p.close.Do(func() { close(p.closed) })
	return nil
}

// Poll implements wazero's Pollable. A negative timeout waits for ever.
func (p *pipe) Poll(flag esys.Pflag, millis int32) (bool, esys.Errno) {
	if flag != esys.POLLIN {
		return false, esys.ENOTSUP
	}
	if len(p.have) > 0 {
		return true, 0
	}
	select {
	case p.have = <-p.offer:
		return true, 0
	case <-p.closed:
		return true, 0
	default:
	}
	if millis == 0 {
		return false, 0
	}
	var late <-chan time.Time
	if millis > 0 {
		t := time.NewTimer(time.Duration(millis) * time.Millisecond)
		defer t.Stop()
		late = t.C
	}
	select {
	case p.have = <-p.offer:
		return true, 0
	case <-p.closed:
		return true, 0
	case <-late:
		return false, 0
	}
}

func (p *pipe) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if len(p.have) == 0 {
		select {
		case p.have = <-p.offer:
		case <-p.closed:
			return 0, io.EOF
		}
	}
	n := copy(b, p.have)
	if p.have = p.have[n:]; len(p.have) == 0 {
		p.taken <- struct{}{}
	}
	return n, nil
}
