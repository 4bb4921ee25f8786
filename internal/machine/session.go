package machine

import (
	"errors"
	"fmt"

	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/format/attach"
)

// session is the machine's end of the contract with the guest's init.
type session struct {
	m       *Machine
	parser  agent.Parser
	out     []byte // not yet taken by the port
	ready   bool   // the container waits
	told    bool   // the spec is sent
	started bool   // init has said that the command is being executed
	early   []byte // frames that follow the spec
	exit    *agent.Exit
	refusal *agent.Error
	cut     *Result // how the machine itself ended the run
	killAt  int64   // host's monotonic time when a Stop becomes the machine's to see to; 0: never
	err     error
}

// overdue is how long after a Stop's grace the guest may take to end what is left
// of the run, writing back the host's files above all, in nanoseconds. Then it
// hangs.
const overdue = 10e9

func (s *session) receive(p []byte) int {
	if s.err == nil {
		s.parser.Feed(p)
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
	errStart = errors.New("it started a command that it was not told")
	errKind  = errors.New("it sent a message that only the host may send")
)

// handle acts on a message; an error ends the run. Init's first word on how the
// program ended counts.
func (s *session) handle(msg agent.Message) error {
	switch msg := msg.(type) {
	case agent.Ready:
		if s.ready {
			return errTwice
		}
		s.ready = true
		s.m.cfg.Trace("container")
		return s.start()
	case agent.Started:
		if !s.told || s.started {
			return errStart
		}
		s.started = true
		s.m.cfg.Trace("command")
	case agent.Exit:
		if s.exit == nil && s.refusal == nil {
			s.exit = &msg
		}
	case agent.Error:
		if s.exit == nil && s.refusal == nil {
			s.refusal = &msg
		}
	case agent.Close:
		if msg.Stream != agent.Stdin {
			return errKind
		}
		s.m.streams.unwanted()
	default:
		return errKind
	}
	return nil
}

// start tells init what to run, once it is ready and the run's facts are known.
func (s *session) start() error {
	if !s.ready || s.told || !s.m.streams.known() {
		return nil
	}
	s.told = true
	spec := s.m.cfg.Spec
	if spec.Terminal {
		spec.Env = mergeEnv([]string{"TERM=xterm"}, spec.Env)
	}
	spec.Realtime = s.m.host.Realtime()
	spec.Entropy = make([]byte, agent.MaxEntropy)
	if err := s.m.host.Random(spec.Entropy); err != nil {
		return fmt.Errorf("reading the host's random numbers for it: %w", err)
	}
	out, err := agent.Append(s.out, spec)
	if err != nil {
		return fmt.Errorf("telling it the command: %w", err)
	}
	s.out = append(out, s.early...)
	s.early = nil
	return nil
}

// send queues a message for init; what comes before the spec follows it.
func (s *session) send(msg agent.Message) {
	to := &s.out
	if !s.told {
		to = &s.early
	}
	out, err := agent.Append(*to, msg)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	*to = out
}

// signal is for the container's process 1. Before init has the spec there is
// none: the signal does to the run what it does to a program without handlers.
func (s *session) signal(number uint8) {
	if !s.told && agent.Deadly(number) {
		s.kill(number)
		return
	}
	s.send(agent.Signal{Number: number, Early: !s.started})
}

// stop ends the container in good order, and by force when grace milliseconds
// have passed: by init's, or the machine's if the guest hangs.
func (s *session) stop(grace uint32) {
	number := s.m.stopSignal()
	if !s.told {
		if !agent.Deadly(number) {
			number = sigKill // what the end of its patience would bring
		}
		s.kill(number)
		return
	}
	s.send(agent.Stop{Signal: number, Grace: grace, Early: !s.started})
	at := s.m.host.Monotonic() + int64(grace)*1e6 + overdue
	if s.killAt == 0 || at < s.killAt {
		s.killAt = at
	}
}

const sigKill = 9

// kill ends a run whose command has not begun.
func (s *session) kill(number uint8) {
	s.end(Result{Status: 128 + int(number), Signal: int(number), Err: fmt.Errorf("%s ended the run before its program began", attach.SignalName(number))})
}

// expire ends a run that was to end and does not.
func (s *session) expire() {
	s.killAt = 0
	s.end(Result{Status: 128 + sigKill, Signal: sigKill, Err: errHangs})
}

var errHangs = errors.New("the guest did not end the container when it was told to, and was switched off")

// end switches the machine off; how the command ended counts, if that is known.
func (s *session) end(r Result) {
	if s.cut == nil {
		s.cut = &r
	}
	s.off()
}

func (s *session) off() {
	s.m.powerOff(false)
	s.m.Engine.Stop()
}

// queued is how many bytes wait for init.
func (s *session) queued() int { return len(s.out) + len(s.early) }

// fail ends the run: a guest whose init does not keep the contract might never
// power off.
func (s *session) fail(err error) {
	s.err = err
	s.off()
}

// flush gives the port what it has room for.
func (s *session) flush() {
	if len(s.out) > 0 {
		s.out = s.out[s.m.console.Port(portContract).Input(s.out):]
	}
}

// The statuses of runs that end without one of the command's. They are at most
// 125, so that every engine can report them.
const (
	statusPowerOff = 122 // the guest switched itself off
	statusPanic    = 123 // its kernel panicked or restarted
	StatusFault    = 124 // the machine broke: a bug of c2w
	StatusFailed   = agent.StatusFailed
)

// result is how the run ended, once the machine is off.
func (s *session) result(crashed bool) Result {
	r := Result{Done: true}
	switch {
	case s.err != nil:
		r.Status, r.Own, r.Err = StatusFault, true, s.err
	case s.refusal != nil:
		r.Status, r.Own, r.Err = int(s.refusal.Status), true, errors.New(s.refusal.Text)
	case s.exit != nil:
		r.Status, r.Signal = int(s.exit.Status), int(s.exit.Signal)
		if s.exit.OutOfMemory {
			r.OutOfMemory = true
			r.Err = fmt.Errorf("the guest ran out of its %d MiB of memory and killed a process: convert with a larger --memory", len(s.m.ram.Bytes)>>20)
		}
	case s.cut != nil:
		r.Status, r.Signal, r.Err = s.cut.Status, s.cut.Signal, s.cut.Err
	case crashed:
		r.Status, r.Own, r.Err = statusPanic, true, errCrash
	default:
		r.Status, r.Own, r.Err = statusPowerOff, true, errNoStatus
	}
	return r
}
