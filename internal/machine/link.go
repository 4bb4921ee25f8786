package machine

import (
	"errors"

	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/format/attach"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// link is the machine's end of the attach protocol: docs/attach.md.
type link struct {
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

func newLink(s *streams) *link {
	s.m.host.AssumeBlocking() // docs/attach.md asks it of clients
	return &link{s: s, store: make([]byte, window)}
}

func (l *link) want() bool { return !l.gone && l.s.m.contract.queued() < backlog }

// receive acts on what came from the client; err ends its stream.
func (l *link) receive(p []byte, err error) {
	l.parser.Feed(p)
	for l.s.err == nil {
		msg, perr := l.parser.Next()
		if perr == nil && msg == nil {
			break
		}
		if perr == nil {
			perr = l.handle(msg)
		}
		if perr != nil {
			l.gone = true
			l.s.fail(perr)
			return
		}
	}
	if err != nil && !l.gone {
		l.leave()
	}
}

// leave ends the container because the client is gone.
func (l *link) leave() {
	l.gone = true
	l.s.eof = true
	if !l.s.m.contract.told {
		l.s.fail(errClientGone)
		return
	}
	l.s.m.contract.stop(grace)
}

func (l *link) handle(msg attach.Message) error {
	s := l.s
	contract := &s.m.contract
	switch msg := msg.(type) {
	case attach.Hello:
		l.greeted = true
		s.eof = s.eof || !msg.Stdin
		spec := s.m.cfg.Spec
		spec.Terminal, spec.Rows, spec.Cols = msg.Terminal, msg.Rows, msg.Cols
		l.send(attach.Welcome{Version: min(msg.Version, attach.Version), Terminal: msg.Terminal, StopSignal: s.m.stopSignal()})
		if !s.eof {
			l.grant(window)
		}
		return contract.start()
	case attach.Stdin:
		if s.eof {
			return nil // it was on its way when the command closed its input
		}
		// Credit keeps what waits within store.
		if len(s.pending)+len(msg.Data) > cap(s.pending) {
			s.pending = l.store[:copy(l.store, s.pending)]
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
func (l *link) taken(n int) {
	l.freed += uint32(n)
	if l.freed >= window/2 || l.freed > 0 && len(l.s.pending) == 0 {
		if !l.s.eof {
			l.grant(l.freed)
		}
		l.freed = 0
	}
}

func (l *link) grant(n uint32) {
	l.parser.Grant(n)
	l.send(attach.Window{Bytes: n})
}

func (l *link) stdinClosed() {
	if l.greeted {
		l.send(attach.StdinClosed{})
	}
}

// output sends what the command wrote, at most attach.MaxPayload bytes.
func (l *link) output(stream int, p []byte) error {
	if !l.greeted {
		return nil // the kernel's, and nobody is there yet
	}
	h := attach.StdoutHeader(len(p))
	if stream == agent.Stderr && !l.s.m.cfg.Spec.Terminal {
		h = attach.StderrHeader(len(p))
	}
	l.frame = append(append(l.frame[:0], h[:]...), p...)
	return l.s.m.host.Write(wasi.Stdout, l.frame)
}

// send sends a frame. A client that is gone is noticed by its input.
func (l *link) send(msg attach.Message) {
	frame, err := attach.Append(l.frame[:0], msg)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	l.frame = frame
	l.s.m.host.Write(wasi.Stdout, frame)
}

func (l *link) message(text string) { l.send(attach.Text{Line: attach.Line(text)}) }

func (l *link) exit(r Result) {
	l.send(attach.Exit{Status: uint8(r.Status), Signal: uint8(r.Signal), OutOfMemory: r.OutOfMemory, Own: r.Own})
}
