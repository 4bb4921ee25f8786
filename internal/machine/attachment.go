package machine

import (
	"errors"

	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/format/attach"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// attachment is the machine's end of the attach protocol: docs/attach.md.
type attachment struct {
	s       *streams
	parser  attach.Parser
	greeted bool
	gone    bool   // the client's stream has ended
	store   []byte // where the input lies that the port has not taken
	freed   uint32 // bytes taken by the port, not yet granted again
	frame   []byte // scratch
}

const (
	// window is how much input the client may have on its way, in bytes, and so
	// what store holds.
	window = inputSize
	// backlog is how many bytes of messages may wait for init before the client
	// is not read any more.
	backlog = 64 << 10
	// grace is how long a container has to end in good order once its client
	// is gone, in milliseconds.
	grace = 10_000
)

var errClientGone = errors.New("the client went away before the container was ready")

func newAttachment(s *streams) *attachment {
	s.m.host.AssumeBlocking() // docs/attach.md asks it of clients
	return &attachment{s: s, store: make([]byte, window)}
}

func (a *attachment) want() bool { return !a.gone && a.s.m.contract.queued() < backlog }

// receive acts on what came from the client; err ends its stream.
func (a *attachment) receive(p []byte, err error) {
	a.parser.Feed(p)
	for a.s.err == nil {
		msg, perr := a.parser.Next()
		if perr == nil && msg == nil {
			break
		}
		if perr == nil {
			perr = a.handle(msg)
		}
		if perr != nil {
			a.gone = true
			a.s.fail(perr)
			return
		}
	}
	if err != nil && !a.gone {
		a.leave()
	}
}

// leave ends the container because the client is gone.
func (a *attachment) leave() {
	a.gone = true
	a.s.eof = true
	if !a.s.m.contract.told {
		a.s.fail(errClientGone)
		return
	}
	a.s.m.contract.stop(grace)
}

func (a *attachment) handle(msg attach.Message) error {
	s := a.s
	contract := &s.m.contract
	switch msg := msg.(type) {
	case attach.Hello:
		a.greeted = true
		s.eof = s.eof || !msg.Stdin
		spec := s.m.cfg.Spec
		spec.Terminal, spec.Rows, spec.Cols = msg.Terminal, msg.Rows, msg.Cols
		a.send(attach.Welcome{Version: min(msg.Version, attach.Version), Terminal: msg.Terminal, StopSignal: s.m.stopSignal()})
		if !s.eof {
			a.grant(window)
		}
		return contract.start()
	case attach.Stdin:
		if s.eof {
			return nil // it was on its way when the command closed its input
		}
		// Credit keeps what waits within store.
		if len(s.pending)+len(msg.Data) > cap(s.pending) {
			s.pending = a.store[:copy(a.store, s.pending)]
		}
		s.pending = append(s.pending, msg.Data...)
	case attach.StdinEnd:
		// A terminal's input ends by what is typed.
		s.eof = s.eof || !s.m.cfg.Spec.Terminal
	case attach.Resize:
		if contract.told {
			contract.send(agent.Resize{Rows: msg.Rows, Cols: msg.Cols})
		} else {
			s.m.cfg.Spec.Rows, s.m.cfg.Spec.Cols = msg.Rows, msg.Cols
		}
	case attach.Signal:
		contract.signal(msg.Number)
	case attach.Stop:
		contract.stop(msg.Grace)
	case attach.CloseOutput:
		s.close(int(msg.Stream))
	}
	return nil
}

// taken notes that the port took n bytes of input and lets the client send as
// many, in amounts that are worth a frame.
func (a *attachment) taken(n int) {
	a.freed += uint32(n)
	if a.freed >= window/2 || a.freed > 0 && len(a.s.pending) == 0 {
		if !a.s.eof {
			a.grant(a.freed)
		}
		a.freed = 0
	}
}

func (a *attachment) grant(n uint32) {
	a.parser.Grant(n)
	a.send(attach.Window{Bytes: n})
}

func (a *attachment) stdinClosed() {
	if a.greeted {
		a.send(attach.StdinClosed{})
	}
}

// output sends what the command wrote, at most attach.MaxPayload bytes.
func (a *attachment) output(stream int, p []byte) error {
	if !a.greeted {
		return nil // the kernel's, and nobody is there yet
	}
	h := attach.StdoutHeader(len(p))
	if stream == agent.Stderr && !a.s.m.cfg.Spec.Terminal {
		h = attach.StderrHeader(len(p))
	}
	a.frame = append(append(a.frame[:0], h[:]...), p...)
	return a.s.m.host.Write(wasi.Stdout, a.frame)
}

// send sends a frame. A client that is gone is noticed by its input.
func (a *attachment) send(msg attach.Message) {
	frame, err := attach.Append(a.frame[:0], msg)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	a.frame = frame
	a.s.m.host.Write(wasi.Stdout, frame)
}

func (a *attachment) message(text string) { a.send(attach.Text{Line: attach.Line(text)}) }

func (a *attachment) exit(r Result) {
	a.send(attach.Exit{Status: uint8(r.Status), Signal: uint8(r.Signal), OutOfMemory: r.OutOfMemory, Own: r.Own})
}
