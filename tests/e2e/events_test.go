package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/format/attach"
)

// The states of a run and what may be said to it, as docs/attach.md has them.
const (
	booting  = "booting"
	starting = "starting"
	running  = "running"
	ending   = "ending"

	aSignal    = "Signal that ends programs"
	aContinue  = "Signal that does not"
	aStop      = "Stop"
	aResize    = "Resize"
	anInputEnd = "StdinEnd"
	aClose     = "CloseOutput"
	theLeave   = "the client goes"
)

// scenario is one run of which a client is in control. What it says first comes
// together with its greeting: while the kernel boots, or, if late, when the
// container waits for its command, so that the machine has told init the command
// and finds the rest behind it.
type scenario struct {
	name     string
	late     bool
	terminal bool
	flags    []string
	first    []attach.Message
	script   string // for sh -c; "" sleeps
	steps    []step
	exit     attach.Exit
	line     string // that the machine says
	// covers are the pairs of an event and a state that this shows.
	covers []string
}

// step waits for output and says something then.
type step struct {
	shows string
	say   []attach.Message
}

func during(event string, states ...string) (list []string) {
	for _, s := range states {
		list = append(list, event+" / "+s)
	}
	return list
}

func all(lists ...[]string) (list []string) {
	for _, l := range lists {
		list = append(list, l...)
	}
	return list
}

func say(list ...attach.Message) []attach.Message { return list }

func signals(numbers ...uint8) (list []attach.Message) {
	for _, n := range numbers {
		list = append(list, attach.Signal{Number: n})
	}
	return list
}

func killedBy(n uint8) attach.Exit { return attach.Exit{Status: 128 + n, Signal: n} }

const tooEarly = " ended the run before its program began"

// handlers tells of every signal that comes and of its terminal's size, and ends
// in good order when it is stopped: the image has no stop signal of its own.
const handlers = `
for s in HUP INT QUIT USR1 USR2 CONT; do trap "echo got $s" $s; done
trap 'echo size $(stty size)' WINCH
trap 'echo bye; trap "" HUP INT QUIT TERM USR1 USR2 CONT WINCH; exit 7' TERM
echo up $(stty size)
while :; do sleep 1000 & wait $!; done`

// quietEnds tells what became of its input and of its error output.
const quietEnds = `echo up; cat; echo no more input; echo x >&2 && echo errors are read || echo errors are not read; exit 7`

var scenarios = []scenario{
	{name: "HUP while booting", first: signals(1), exit: killedBy(1), line: "SIGHUP" + tooEarly, covers: during(aSignal, booting)},
	{name: "INT while booting", first: signals(2), exit: killedBy(2), line: "SIGINT" + tooEarly},
	{name: "TERM while booting", first: signals(15), flags: []string{"--init"}, exit: killedBy(15), line: "SIGTERM" + tooEarly},
	{name: "stop while booting", first: say(attach.Stop{Grace: 60_000}), exit: killedBy(15), covers: during(aStop, booting)},
	{name: "leaving while booting", first: say(nil), exit: attach.Exit{Status: 125, Own: true}, line: "client went away", covers: during(theLeave, booting)},
	{name: "QUIT while starting", late: true, first: signals(3), exit: killedBy(3), covers: during(aSignal, starting)},
	{name: "USR1 while starting under an init", late: true, flags: []string{"--init"}, first: signals(10), exit: attach.Exit{Status: 138}},
	{name: "stop while starting", late: true, first: say(attach.Stop{Grace: 60_000}), exit: killedBy(15), covers: during(aStop, starting)},
	// The machine finds the end of its client's stream apart from what came before,
	// perhaps when the command has begun: under an init the same comes of it.
	{name: "leaving while starting", late: true, flags: []string{"--init"}, first: say(nil), exit: attach.Exit{Status: 143}, covers: during(theLeave, starting)},
	{
		// What the program has no time to see must not be lost: the size is that
		// of its terminal, and a process that was frozen has to be continued.
		name: "sizes and freezing while booting", terminal: true, script: handlers,
		first:  say(attach.Signal{Number: 19}, attach.Resize{Rows: 31, Cols: 91}, attach.Signal{Number: 18}),
		steps:  []step{{"up 31 91", say(attach.Stop{Grace: 60_000})}, {"bye", nil}},
		exit:   attach.Exit{Status: 7},
		covers: all(during(aResize, booting), during(aContinue, booting)),
	},
	{
		name: "everything to a terminal", late: true, terminal: true, script: strings.Replace(handlers, "echo up", `until [ "$(stty size)" = "32 92" ]; do :; done; echo up`, 1),
		first: say(attach.Signal{Number: 19}, attach.Resize{Rows: 32, Cols: 92}, attach.Signal{Number: 18}),
		steps: []step{
			{"up 32 92", say(attach.Resize{Rows: 33, Cols: 93})},
			{"size 33 93", signals(1)}, {"got HUP", signals(2)}, {"got INT", signals(3)}, {"got QUIT", signals(10)},
			{"got USR1", signals(12)}, {"got USR2", signals(18)}, {"got CONT", say(attach.Stop{Grace: 60_000})},
			{"bye", join(signals(15, 1, 2, 3, 18), say(attach.Resize{Rows: 3, Cols: 4}, attach.Stop{Grace: 60_000}, attach.CloseOutput{Stream: 1}, nil))},
		},
		exit: attach.Exit{Status: 7},
		covers: all(during(aResize, starting, running, ending), during(aContinue, starting, running, ending), during(aSignal, running, ending),
			during(aStop, running, ending), during(aClose, ending), during(theLeave, ending)),
	},
	{
		name: "ends while booting", script: quietEnds, first: say(attach.StdinEnd{}, attach.CloseOutput{Stream: 2}),
		steps: []step{{"no more input\nerrors are not read", nil}}, exit: attach.Exit{Status: 7},
		covers: all(during(anInputEnd, booting), during(aClose, booting)),
	},
	{
		name: "ends while starting", late: true, script: quietEnds, first: say(attach.StdinEnd{}, attach.CloseOutput{Stream: 2}),
		steps: []step{{"no more input\nerrors are not read", nil}}, exit: attach.Exit{Status: 7},
		covers: all(during(anInputEnd, starting), during(aClose, starting)),
	},
	{
		name: "ends while running", script: quietEnds,
		steps: []step{{"up\n", say(attach.CloseOutput{Stream: 2}, attach.StdinEnd{})}, {"no more input\nerrors are not read", nil}}, exit: attach.Exit{Status: 7},
		covers: all(during(anInputEnd, running), during(aClose, running)),
	},
	{
		name: "the input's end at the end", script: "trap 'echo bye; exit 8' USR1; echo up; while :; do sleep 1000 & wait $!; done",
		steps: []step{{"up\n", signals(10)}, {"bye", say(attach.StdinEnd{})}}, exit: attach.Exit{Status: 8},
		covers: during(anInputEnd, ending),
	},
	{
		name: "leaving while running", script: "trap 'exit 9' TERM; echo up; while :; do sleep 1000 & wait $!; done",
		steps: []step{{"up\n", say(nil)}}, exit: attach.Exit{Status: 9}, covers: during(theLeave, running),
	},
}

func join(lists ...[]attach.Message) (list []attach.Message) {
	for _, l := range lists {
		list = append(list, l...)
	}
	return list
}

func (s *scenario) play(t *testing.T, engine, file string) {
	script := s.script
	if script == "" {
		script = "exec sleep 1000"
	}
	p := startPeer(t, engine, file, append(append([]string{}, s.flags...), "--", "sh", "-c", script)...)
	if s.late {
		p.stage("container")
	}
	p.say(append([]attach.Message{attach.Hello{Version: 1, Terminal: s.terminal, Stdin: true, Rows: 24, Cols: 80}}, s.first...)...)
	for _, step := range s.steps {
		p.expect(step.shows)
		if step.say != nil {
			p.say(step.say...)
		}
	}
	p.ends(s.exit, s.line)
}

// TestEvents plays each cell of the table in docs/attach.md on each engine.
func TestEvents(t *testing.T) {
	slow(t)
	file := convert(t, "demo:")
	for _, engine := range behindEngines {
		t.Run("c2w "+engine, func(t *testing.T) {
			if engine != "" {
				if _, err := exec.LookPath(engine); err != nil {
					missing(t, engine)
				}
			}
			for i := range scenarios {
				t.Run(scenarios[i].name, func(t *testing.T) { scenarios[i].play(t, engine, file) })
			}
		})
	}
}

// TestEventTable: the table's cells and the scenarios are the same.
func TestEventTable(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "attach.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "\n| said | ")
	if !ok {
		t.Fatal("docs/attach.md has no table of events and states")
	}
	head, table, _ := strings.Cut(table, "\n")
	states := strings.Split(strings.Trim(head, "| "), " | ")
	table, _, _ = strings.Cut(table, "\n\n")
	cells := map[string]bool{}
	for _, row := range strings.Split(table, "\n")[1:] {
		columns := strings.Split(strings.Trim(row, "| "), " | ")
		if len(columns) != len(states)+1 {
			t.Fatalf("%q has not %d columns", row, len(states)+1)
		}
		for _, s := range states {
			if s != "before" { // the client's own: its tests, and TestSecondSignal
				cells[columns[0]+" / "+s] = true
			}
		}
	}
	for _, s := range scenarios {
		for _, c := range s.covers {
			if !cells[c] {
				t.Errorf("the table has no cell %q, which %q is for, or it has two", c, s.name)
			}
			delete(cells, c)
		}
	}
	for c := range cells {
		if c != "a second signal / "+strings.SplitN(c, " / ", 2)[1] {
			t.Errorf("nothing tests %q", c)
		}
	}
}
