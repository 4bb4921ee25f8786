package attach

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/format/frame"
)

var fromClient = []Message{
	Hello{Version: Version, Terminal: true, Stdin: true, Rows: 258, Cols: 132},
	Resize{Rows: 24, Cols: 80},
	Stdin{[]byte("ls\r\x03\x00\xff")},
	Signal{Number: 64},
	Stop{Grace: 10_000},
	CloseOutput{Stream: 1},
	Stdin{[]byte("x")},
	StdinEnd{},
	Signal{Number: 1},
}

var fromMachine = []Message{
	Text{"boot: machine 12.5"},
	Welcome{Version: 1, StopSignal: 15},
	Window{1 << 20},
	Stdout{[]byte("hello\n")},
	Stderr{bytes.Repeat([]byte("e"), MaxPayload)},
	StdinClosed{},
	Window{1},
	Text{strings.Repeat("ä", MaxText/2)},
	Exit{Status: 137, Signal: 9, OutOfMemory: true},
}

func parserOf(from Side) *Parser {
	p := &Parser{From: from}
	p.Grant(1000)
	return p
}

// join makes neighbouring pieces of data one message, with data of its own.
func join(list []Message, m Message) []Message {
	data := func(m Message) ([]byte, func([]byte) Message) {
		switch m := m.(type) {
		case Stdin:
			return m.Data, func(b []byte) Message { return Stdin{b} }
		case Stdout:
			return m.Data, func(b []byte) Message { return Stdout{b} }
		case Stderr:
			return m.Data, func(b []byte) Message { return Stderr{b} }
		}
		return nil, nil
	}
	b, wrap := data(m)
	if wrap == nil {
		return append(list, m)
	}
	if n := len(list); n > 0 && list[n-1].kind() == m.kind() {
		before, _ := data(list[n-1])
		list[n-1] = wrap(append(before, b...))
		return list
	}
	return append(list, wrap(bytes.Clone(b)))
}

// TestRoundTrip sends both sides' frames in pieces of several sizes.
func TestRoundTrip(t *testing.T) {
	for side, messages := range [][]Message{Client: fromClient, Machine: fromMachine} {
		var stream []byte
		for _, m := range messages {
			var err error
			if stream, err = Append(stream, m); err != nil {
				t.Fatal(err)
			}
		}
		for _, size := range []int{1, 3, HeaderSize, 1000, len(stream)} {
			p := parserOf(Side(side))
			var got []Message
			for rest := stream; len(rest) > 0; {
				n := min(size, len(rest))
				piece := bytes.Clone(rest[:n])
				p.Feed(piece)
				rest = rest[n:]
				for {
					m, err := p.Next()
					if err != nil {
						t.Fatalf("pieces of %d: %v", size, err)
					}
					if m == nil {
						break
					}
					got = join(got, m)
				}
				clear(piece) // nothing refers to it any more
			}
			if p.Pending() {
				t.Errorf("pieces of %d: something is left", size)
			}
			if !reflect.DeepEqual(got, messages) {
				t.Errorf("pieces of %d: got %d messages, want %d", size, len(got), len(messages))
			}
		}
	}
}

func TestDataHeaders(t *testing.T) {
	for _, c := range []struct {
		h [HeaderSize]byte
		m Message
	}{
		{StdinHeader(3), Stdin{[]byte("abc")}},
		{StdoutHeader(3), Stdout{[]byte("abc")}},
		{StderrHeader(3), Stderr{[]byte("abc")}},
	} {
		want, err := Append(nil, c.m)
		if got := append(c.h[:], "abc"...); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%#v: %q, want %q, %v", c.m, got, want, err)
		}
	}
}

// TestNoCopy wants data to lie in what was fed, and parsing it to cost next to
// nothing.
func TestNoCopy(t *testing.T) {
	p := parserOf(Machine)
	frames, _ := Append(nil, Welcome{Version: 1, StopSignal: 15})
	frames, _ = Append(frames, Stdout{[]byte("data")})
	p.Feed(frames)
	p.Next()
	m, err := p.Next()
	out, ok := m.(Stdout)
	if err != nil || !ok || &out.Data[0] != &frames[len(frames)-4] || cap(out.Data) != 4 {
		t.Errorf("%#v, %v", m, err)
	}
}

func TestAppendRefuses(t *testing.T) {
	for name, m := range map[string]Message{
		"no version":       Hello{},
		"no input":         Stdin{},
		"too much input":   Stdin{make([]byte, MaxPayload+1)},
		"no output":        Stdout{},
		"no errors":        Stderr{},
		"signal 0":         Signal{},
		"signal 65":        Signal{65},
		"stream 0":         CloseOutput{},
		"stream 3":         CloseOutput{3},
		"welcome to none":  Welcome{StopSignal: 15},
		"no stop signal":   Welcome{Version: 1},
		"no credit":        Window{},
		"too much credit":  Window{MaxCredit + 1},
		"no text":          Text{},
		"two lines":        Text{"a\nb"},
		"escape":           Text{"\x1b[2J"},
		"8-bit control":    Text{"\u009b2J"},
		"not UTF-8":        Text{"\xff"},
		"long text":        Text{strings.Repeat("x", MaxText+1)},
		"signal 65's exit": Exit{Status: 193, Signal: 65},
		"other status":     Exit{Status: 1, Signal: 9},
		"own signal":       Exit{Status: 137, Signal: 9, Own: true},
	} {
		got, err := Append([]byte("kept"), m)
		if !errors.Is(err, ErrMessage) || string(got) != "kept" {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
	}
}

func framed(kind byte, payload string) string {
	return string(frame.Header{Size: uint32(len(payload)), Kind: kind}.Append(nil)) + payload
}

func TestParserRefuses(t *testing.T) {
	join := func(messages ...Message) string {
		var b []byte
		for _, m := range messages {
			b, _ = Append(b, m)
		}
		return string(b)
	}
	hello := func(version, flags byte, trailer string) string {
		return framed(kindHello, magic+string([]byte{version, 0, flags, 0, 1, 0, 1, 0})+trailer)
	}
	plain, tty := Hello{Version: 1, Stdin: true}, Hello{Version: 1, Terminal: true}
	welcome := Welcome{Version: 1, StopSignal: 15}
	for name, c := range map[string]struct {
		from  Side
		bytes string
		want  error
	}{
		"text":               {Client, "ls -la /\n", ErrFrame},
		"text of a machine":  {Machine, "c2w: unknown flag", ErrFrame},
		"reserved":           {Client, "\x12\x00\x00\x00\x01\x00\x01\x00", ErrFrame},
		"unknown kind":       {Client, framed(0x1f, ""), ErrFrame},
		"Ethernet":           {Client, framed(0x40, "x"), ErrFrame},
		"huge data":          {Machine, "\x01\x00\x10\x00\x21\x00\x00\x00", ErrFrame},
		"huge text":          {Machine, "\x01\x10\x00\x00\x25\x00\x00\x00", ErrFrame},
		"short exit":         {Machine, framed(kindExit, "\x01"), ErrFrame},
		"flags of exit":      {Machine, framed(kindExit, "\x00\x00\x04"), ErrMessage},
		"bad signal":         {Machine, framed(kindExit, "\x80\x41\x00"), ErrMessage},
		"magic":              {Client, framed(kindHello, "c2w-detach\x01\x00\x00\x00\x00\x00\x00\x00"), ErrMessage},
		"version 0":          {Client, hello(0, 0, ""), ErrMessage},
		"flags":              {Client, hello(1, 4, ""), ErrMessage},
		"long hello":         {Client, hello(1, 0, "x"), ErrMessage},
		"no hello":           {Client, join(Signal{2}), ErrOrder},
		"hello twice":        {Client, join(plain, plain), ErrOrder},
		"from the other":     {Client, join(welcome), ErrOrder},
		"from the other too": {Machine, join(plain), ErrOrder},
		"input after end":    {Client, join(plain, StdinEnd{}, Stdin{[]byte("x")}), ErrOrder},
		"end after end":      {Client, join(plain, StdinEnd{}, StdinEnd{}), ErrOrder},
		"unwanted input":     {Client, join(tty, Stdin{[]byte("x")}), ErrOrder},
		"unwanted end":       {Client, join(tty, StdinEnd{}), ErrOrder},
		"beyond credit":      {Client, join(plain, Stdin{make([]byte, 1000)}, Stdin{[]byte("x")}), ErrOrder},
		"size of nothing":    {Client, join(plain, Resize{}), ErrOrder},
		"no welcome":         {Machine, join(Stdout{[]byte("x")}), ErrOrder},
		"welcome twice":      {Machine, join(welcome, welcome), ErrOrder},
		"newer":              {Machine, join(Welcome{Version: 2, StopSignal: 15}), ErrVersion},
		"terminal's errors":  {Machine, join(Welcome{Version: 1, Terminal: true, StopSignal: 15}, Stderr{[]byte("x")}), ErrOrder},
		"after the end":      {Machine, join(Exit{}, Exit{}), ErrOrder},
	} {
		p := parserOf(c.from)
		p.Feed([]byte(c.bytes))
		var m Message
		var err error
		for m, err = p.Next(); m != nil; m, err = p.Next() {
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		p.Feed([]byte(join(plain)))
		if _, again := p.Next(); again != err {
			t.Errorf("%s: came back to life: %v", name, again)
		}
	}
}

// TestNewerHello wants the greeting of a later version to be understood.
func TestNewerHello(t *testing.T) {
	var p Parser
	p.Feed([]byte(framed(kindHello, magic+"\x02\x00\xff\x00\x18\x00\x50\x00and more")))
	m, err := p.Next()
	if want := (Hello{Version: 2, Terminal: true, Stdin: true, Rows: 24, Cols: 80}); m != want || err != nil {
		t.Errorf("%#v, %v", m, err)
	}
}

func TestLine(t *testing.T) {
	long := strings.Repeat("x", MaxText-1)
	for in, want := range map[string]string{
		"":                       "",
		"plain ä 漢":              "plain ä 漢",
		"a\nb\x1b[2J\x7f\u009b2": "a?b?[2J??2",
		"\xff\xc3":               "??",
		"\ufffd":                 "\ufffd",
		long + "ä":               long,
		long + "yz":              long + "y",
	} {
		if got := Line(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzParser(f *testing.F) {
	for side, messages := range [][]Message{Client: fromClient, Machine: fromMachine} {
		var b []byte
		for _, m := range messages {
			if _, big := m.(Stderr); !big {
				b, _ = Append(b, m)
			}
		}
		f.Add(b, side == int(Machine), uint16(7))
	}
	f.Fuzz(func(t *testing.T, b []byte, machine bool, cut uint16) {
		side := Client
		if machine {
			side = Machine
		}
		// However it is cut, a stream means the same, and what was understood
		// has one spelling but for the sizes of data frames.
		read := func(sizes ...int) (got []Message, pieces int, err error) {
			p := parserOf(side)
			for _, n := range sizes {
				p.Feed(b[pieces : pieces+n])
				pieces += n
				for {
					m, err := p.Next()
					if err != nil {
						return got, pieces, err
					}
					if m == nil {
						break
					}
					if out, err := Append(nil, m); err != nil {
						t.Fatalf("%#v was received but cannot be sent: %v", m, err)
					} else if h, ok := m.(Hello); (!ok || h.Version == Version) && !carriesData(m.kind()) && !bytes.Contains(b, out) {
						t.Fatalf("%#v is spelled %q", m, out)
					}
					got = join(got, m)
				}
			}
			return got, pieces, nil
		}
		n := int(cut) % (len(b) + 1)
		whole, _, err1 := read(len(b))
		parts, _, err2 := read(n, len(b)-n)
		if !reflect.DeepEqual(whole, parts) || (err1 == nil) != (err2 == nil) {
			t.Fatalf("%#v, %v; in two pieces %#v, %v", whole, err1, parts, err2)
		}
	})
}
