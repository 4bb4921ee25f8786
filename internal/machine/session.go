package machine

import (
	"errors"
	"fmt"
	"io"

	"github.com/c2w/c2w/internal/bootcfg"
)

// session is the machine's end of the contract with the guest's init.
type session struct {
	m      *Machine
	parser bootcfg.Parser
	out    []byte // not yet taken by the port
	ready  bool
	exit   *bootcfg.Exit
	err    error
}

// maxFeed bounds what the parser is given at once: a guest may write as much as
// its RAM holds, and the parser keeps what is not a whole frame yet.
const maxFeed = 4096

func (s *session) receive(p []byte) int {
	for rest := p; len(rest) > 0 && s.err == nil; {
		n := min(len(rest), maxFeed)
		s.parser.Feed(rest[:n])
		rest = rest[n:]
		s.read()
	}
	return len(p)
}

func (s *session) read() {
	for s.err == nil {
		msg, err := s.parser.Next()
		if err == nil && msg == nil {
			return
		}
		if err == nil {
			err = s.handle(msg)
		}
		if err != nil {
			s.fail(fmt.Errorf("the guest's init: %w", err))
		}
	}
}

var (
	errTwice = errors.New("it said twice that it is ready")
	errKind  = errors.New("it sent a message that only the host may send")
)

// handle acts on a message; an error ends the run. Init's first word on how the
// program ended counts.
func (s *session) handle(msg bootcfg.Message) error {
	switch msg := msg.(type) {
	case bootcfg.Ready:
		if s.ready {
			return errTwice
		}
		s.ready = true
		s.m.cfg.Trace("init")
		spec := s.m.cfg.Spec
		spec.Realtime = s.m.host.Realtime()
		spec.Entropy = make([]byte, bootcfg.MaxEntropy)
		if err := s.m.host.Random(spec.Entropy); err != nil {
			return fmt.Errorf("reading the host's random numbers for it: %w", err)
		}
		out, err := bootcfg.Append(nil, spec)
		if err != nil {
			return fmt.Errorf("telling it the command: %w", err)
		}
		s.out = out
	case bootcfg.Exit:
		if s.exit == nil {
			s.exit = &msg
		}
	case bootcfg.Error:
		if s.exit == nil {
			s.err = fmt.Errorf("starting the container: %s", msg.Text)
		}
	default:
		return errKind
	}
	return nil
}

// fail ends the run: a guest whose init does not keep the contract might never
// power off.
func (s *session) fail(err error) {
	s.err = err
	(*platform)(s.m).PowerOff(false)
	s.m.Engine.Stop()
}

// flush gives the port what it has room for.
func (s *session) flush() {
	if len(s.out) > 0 {
		s.out = s.out[s.m.console.Port(1).Input(s.out):]
	}
}

// result is how the run ended, once the machine is off.
func (s *session) result(crashed bool) Result {
	r := Result{Done: true}
	switch {
	case s.err != nil:
		r.Err = s.err
	case s.exit != nil:
		r.Status = int(s.exit.Status)
	case crashed:
		r.Err = errCrash
	default:
		r.Err = errNoStatus
	}
	return r
}

// input carries standard input to the guest's console, as a plain stream.
type input struct {
	m       *Machine
	enc     bootcfg.InputEncoder
	pending []byte
	buf     [1024]byte
	eof     bool
}

// want says that the guest can take input.
func (in *input) want() bool {
	return in.m.contract.ready && !in.eof && len(in.pending) == 0 && in.m.console.Port(0).Room() > 0
}

// poll waits up to timeout nanoseconds for input and passes it on.
func (in *input) poll(timeout int64) {
	in.flush()
	if in.m.host.Wait(timeout, in.want()) {
		n, err := in.m.host.ReadStdin(in.buf[:])
		if n > 0 {
			in.pending = in.enc.Append(in.pending, in.buf[:n])
			in.pending = in.enc.Flush(in.pending)
		}
		if err == io.EOF || err != nil {
			in.pending = in.enc.AppendEOF(in.pending)
			in.eof = true
		}
		in.flush()
	}
}

func (in *input) flush() {
	if len(in.pending) > 0 {
		in.pending = in.pending[in.m.console.Port(0).Input(in.pending):]
	}
}
