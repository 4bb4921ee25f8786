package machine

import (
	"fmt"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// inputSize is how much of standard input is read at once, in bytes: as much as
// a port's queue holds of pages.
const inputSize = 256 << 10

// outputSize is how much of a stream is gathered before it is written, in bytes.
// What is less is written before the guest runs on for long.
const outputSize = 64 << 10

// streams joins the container's standard streams with the host's: as they are,
// or through the attach protocol.
type streams struct {
	m        *Machine
	attached *attachment // the attach protocol; nil: bare
	buf      []byte      // what was read last
	pending  []byte      // of buf, not yet taken by the port
	eof      bool        // nothing more will be read
	out      [3][]byte
	closed   [3]bool // the host's end
	err      error   // the host failed in a way that ends the run
}

// begin finds out what the host's streams are.
func (s *streams) begin() {
	cfg := &s.m.cfg
	s.eof = cfg.NoStdin
	if cfg.Attach {
		s.attached = newAttachment(s)
		return
	}
	if rows, cols := s.m.hookedTerminal(); rows > 0 {
		cfg.Spec.Terminal, cfg.Spec.Rows, cfg.Spec.Cols = true, rows, cols
		return
	}
	if s.m.host.IsTerminal(agent.Stdin) && s.m.host.IsTerminal(agent.Stdout) {
		cfg.Spec.Terminal, cfg.Spec.Cooked = true, true
	}
}

// hookedTerminal is the size of a terminal that the host's hook tells of; its
// bytes are raw.
func (m *Machine) hookedTerminal() (rows, cols uint16) {
	if m.hooks() < 1 {
		return 0, 0
	}
	size := m.cfg.Hook(abi.HookTerminal, 0, 0, 0)
	if rows, cols = uint16(size>>16), uint16(size); size <= 0 || rows == 0 || cols == 0 {
		return 0, 0
	}
	return rows, cols
}

// known says that the streams have told what the spec has to say of them.
func (s *streams) known() bool { return s.attached == nil || s.attached.greeted }

// poll waits up to timeout nanoseconds for the host and passes on what comes.
func (s *streams) poll(timeout int64) {
	s.flush()
	if !s.m.host.Wait(timeout, s.want()) {
		return
	}
	if s.buf == nil {
		s.buf = make([]byte, inputSize)
	}
	n, err := s.m.host.ReadStdin(s.buf)
	if s.attached != nil {
		s.attached.receive(s.buf[:n], err)
	} else {
		s.pending = s.buf[:n]
		// A standard input that cannot be read is as good as at its end.
		s.eof = s.eof || err != nil
	}
	s.flush()
}

// want says that something can be done with input of the host.
func (s *streams) want() bool {
	if s.attached != nil {
		return s.attached.want()
	}
	return s.m.contract.told && !s.eof && len(s.pending) == 0
}

// flush moves what waits, in both directions.
func (s *streams) flush() {
	port := s.m.console.Port(portStdin)
	if len(s.pending) > 0 {
		n := port.Input(s.pending)
		s.pending = s.pending[n:]
		if s.attached != nil {
			s.attached.taken(n)
		}
	}
	// The guest sees a closed end at once, whatever it has not received.
	if s.eof && len(s.pending) == 0 && port.HostOpen && port.Held == 0 {
		port.Open(false)
	}
	s.write(agent.Stdout)
	s.write(agent.Stderr)
}

// unwanted ends the input because the command does not read it.
func (s *streams) unwanted() {
	s.pending, s.eof = nil, true
	if s.attached != nil {
		s.attached.stdinClosed()
	}
}

func (s *streams) stdout(p []byte) int { return s.output(agent.Stdout, p) }
func (s *streams) stderr(p []byte) int { return s.output(agent.Stderr, p) }

// kernel takes what the guest's kernel writes to its console.
func (s *streams) kernel(p []byte) int { return s.output(agent.Stderr, p) }

// output gathers what the guest writes.
func (s *streams) output(stream int, p []byte) int {
	taken := len(p)
	for len(p) > 0 && !s.closed[stream] {
		n := min(len(p), outputSize-len(s.out[stream]))
		s.out[stream] = append(s.out[stream], p[:n]...)
		if p = p[n:]; len(s.out[stream]) == outputSize {
			s.write(stream)
		}
	}
	return taken
}

// write passes gathered output to the host.
func (s *streams) write(stream int) {
	p := s.out[stream]
	if len(p) == 0 {
		return
	}
	s.out[stream] = p[:0]
	var err error
	if s.attached != nil {
		err = s.attached.output(stream, p)
	} else {
		err = s.m.host.Write(stream, p)
	}
	switch {
	case err == nil:
	case wasi.IsClosed(err) && s.attached != nil:
		s.attached.leave()
	case wasi.IsClosed(err):
		s.close(stream)
	default:
		s.fail(fmt.Errorf("writing standard %s: %w", [...]string{"", "output", "error"}[stream], err))
	}
}

// fail ends the run.
func (s *streams) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// close makes the guest's writers find out that nobody reads any more.
func (s *streams) close(stream int) {
	if !s.closed[stream] {
		s.closed[stream] = true
		s.out[stream] = nil
		s.m.contract.send(agent.Close{Stream: uint8(stream)})
	}
}

// Say writes a line of the machine's own for the person who runs it.
func (m *Machine) Say(text string) {
	m.streams.flush()
	if a := m.streams.attached; a != nil {
		a.message(text)
		return
	}
	m.host.Write(wasi.Stderr, []byte("c2w: "+text+"\n"))
}

// End passes on the last output and the result, after the last Step.
func (m *Machine) End(r Result) {
	m.streams.flush()
	if r.Err != nil {
		m.Say(r.Err.Error())
	}
	if a := m.streams.attached; a != nil {
		a.exit(r)
	}
}
