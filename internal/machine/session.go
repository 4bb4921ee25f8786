package machine

import (
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

func (s *session) receive(p []byte) int {
	s.parser.Feed(p)
	for s.err == nil {
		msg, err := s.parser.Next()
		if err != nil {
			s.err = fmt.Errorf("the guest's init: %w", err)
			break
		}
		if msg == nil {
			break
		}
		s.handle(msg)
	}
	return len(p)
}

func (s *session) handle(msg bootcfg.Message) {
	switch msg := msg.(type) {
	case bootcfg.Ready:
		s.m.cfg.Trace("init")
		spec := s.m.cfg.Spec
		spec.Realtime = s.m.host.Realtime()
		spec.Entropy = make([]byte, bootcfg.MaxEntropy)
		s.m.host.Random(spec.Entropy)
		out, err := bootcfg.Append(nil, spec)
		if err != nil {
			s.err = err
			(*platform)(s.m).PowerOff(false)
			s.m.Engine.Stop()
			return
		}
		s.out = out
		s.ready = true
	case bootcfg.Exit:
		s.exit = &msg
	case bootcfg.Error:
		s.err = fmt.Errorf("starting the container: %s", msg.Text)
	}
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
		r.Err = fmt.Errorf("the guest's kernel stopped (panic); %w", errNoStatus)
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
