package agent

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/format/frame"
)

func fullSpec() *Spec {
	return &Spec{
		Args:     []string{"sh", "-c", "echo \xff", ""},
		Env:      []string{"PATH=/bin:/usr/bin", "EMPTY="},
		User:     "www-data:adm",
		Dir:      "/srv",
		Hostname: "box",
		Terminal: true,
		Cooked:   true,
		Rows:     50, Cols: 132,
		ReadOnly: true,
		Init:     true,
		Realtime: 1_800_000_000_123_456_789,
		Entropy:  []byte{1, 0, 2},
		Mounts: []Mount{
			{Index: 258, Target: "/data", ReadOnly: true}, {Target: "/work"},
			{Index: InMemory, Target: "/run", Flags: 1<<31 | 6, Options: "size=1m,mode=755"},
		},
		ShmSize: 1 << 33,
		Limits:  []Limit{{Resource: Resources - 1, Soft: 1, Hard: 1<<64 - 1}, {}},
		Sysctls: []string{"net.core.somaxconn=1", "kernel/domainname="},
		Hosts:   []string{"10.0.0.1\tdb"},
	}
}

func minimalSpec() *Spec { return &Spec{Args: []string{"true"}} }

func fullBoot() *Boot {
	return &Boot{
		Root:    Root{Device: "/dev/vda", Type: "erofs", Options: "noatime", UpperSize: "64m"},
		Volumes: []string{"/var/lib/data", "/cache"},
	}
}

var messages = map[string]Message{
	"full spec":     fullSpec(),
	"minimal spec":  minimalSpec(),
	"boot":          fullBoot(),
	"minimal boot":  &Boot{Root: Root{Device: "/dev/vda", Type: "erofs"}},
	"ready":         Ready{},
	"started":       Started{},
	"exit":          Exit{Status: 3},
	"killed":        Exit{Status: 137, Signal: 9},
	"out of memory": Exit{Status: 1, OutOfMemory: true},
	"error":         Error{Status: StatusFailed, Text: "mounting /dev/vda: invalid argument"},
	"signal":        Signal{Number: 64},
	"early signal":  Signal{Number: 1, Early: true},
	"early stop":    Stop{Signal: 15, Grace: 1, Early: true},
	"resize":        Resize{Rows: 24, Cols: 80},
	"stop":          Stop{Signal: 15, Grace: 10_000},
	"close":         Close{Stream: Stderr},
}

func TestRoundTrip(t *testing.T) {
	var stream []byte
	for name, m := range messages {
		frame, err := Append(nil, m)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var p Parser
		p.Feed(frame)
		got, err := p.Next()
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: got %#v, %v", name, got, err)
		}
		if m, err := p.Next(); m != nil || err != nil {
			t.Errorf("%s: something follows: %#v, %v", name, m, err)
		}
		stream = append(stream, frame...)
	}
	// The same frames, in one stream that arrives byte by byte.
	var p Parser
	count := 0
	for i := range stream {
		p.Feed(stream[i : i+1])
		m, err := p.Next()
		if err != nil {
			t.Fatalf("at byte %d: %v", i, err)
		}
		if m != nil {
			count++
		}
	}
	if count != len(messages) {
		t.Errorf("%d messages arrived of %d", count, len(messages))
	}
}

// TestWireFormat freezes the bytes: a change of them must raise Version.
func TestWireFormat(t *testing.T) {
	got, err := Append([]byte("x"), Exit{Status: 130, Signal: 2})
	if want := "x\x03\x00\x00\x00\x03\x04\x00\x00\x82\x02\x00"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	spec := minimalSpec()
	spec.Mounts = []Mount{{Index: 1, Target: "/m"}}
	spec.Limits = []Limit{{Resource: 7, Soft: 1, Hard: 2}}
	got, err = Append(nil, spec)
	want := "\x6a\x00\x00\x00\x01\x04\x00\x00" +
		"\x01\x00\x00\x00" + "\x04\x00\x00\x00true" + "\x00\x00\x00\x00" + // args, env
		"\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + // user, dir, hostname
		"\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00" + // terminal, size, read-only, init
		"\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + // clock, entropy
		"\x01\x00\x00\x00" + "\x01\x00" + "\x02\x00\x00\x00/m" + "\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + // mounts
		"\x00\x00\x00\x00\x00\x00\x00\x00" + // size of /dev/shm
		"\x01\x00\x00\x00" + "\x07" + "\x01\x00\x00\x00\x00\x00\x00\x00" + "\x02\x00\x00\x00\x00\x00\x00\x00" + // limits
		"\x00\x00\x00\x00" + "\x00\x00\x00\x00" // kernel parameters, hosts
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestAppendRefuses(t *testing.T) {
	spec := func(change func(*Spec)) *Spec { s := fullSpec(); change(s); return s }
	for name, m := range map[string]Message{
		"no command":        spec(func(s *Spec) { s.Args = nil }),
		"relative dir":      spec(func(s *Spec) { s.Dir = "srv" }),
		"zero in argument":  spec(func(s *Spec) { s.Args[1] = "a\x00b" }),
		"zero in env":       spec(func(s *Spec) { s.Env[0] = "A=\x00" }),
		"zero in mount":     spec(func(s *Spec) { s.Mounts[0].Target = "/\x00" }),
		"zero in user":      spec(func(s *Spec) { s.User = "\x00" }),
		"zero in tmpfs":     spec(func(s *Spec) { s.Mounts[2].Options = "\x00" }),
		"options on host":   spec(func(s *Spec) { s.Mounts[0].Options = "size=1m" }),
		"no such limit":     spec(func(s *Spec) { s.Limits[0].Resource = Resources }),
		"soft above hard":   spec(func(s *Spec) { s.Limits[1].Soft = 1 }),
		"sysctl, no value":  spec(func(s *Spec) { s.Sysctls[0] = "a" }),
		"zero in sysctl":    spec(func(s *Spec) { s.Sysctls[0] = "a=\x00" }),
		"zero in hosts":     spec(func(s *Spec) { s.Hosts[0] = "\x00" }),
		"relative mount":    spec(func(s *Spec) { s.Mounts[0].Target = "data" }),
		"no root":           &Boot{Root: Root{Type: "erofs"}},
		"zero in root":      &Boot{Root: Root{Device: "/dev/\x00", Type: "erofs"}},
		"relative volume":   &Boot{Root: fullBoot().Root, Volumes: []string{"data"}},
		"zero in volume":    &Boot{Root: fullBoot().Root, Volumes: []string{"/\x00"}},
		"signal 0":          Signal{},
		"signal 65":         Stop{Signal: 65},
		"stream 3":          Close{Stream: 3},
		"error, status 1":   Error{Status: 1, Text: "x"},
		"too much entropy":  spec(func(s *Spec) { s.Entropy = make([]byte, MaxEntropy+1) }),
		"negative clock":    spec(func(s *Spec) { s.Realtime = -1 }),
		"too long":          spec(func(s *Spec) { s.Env = append(s.Env, strings.Repeat("x", MaxPayload)) }),
		"signal and status": Exit{Status: 1, Signal: 9},
		"empty error":       Error{Status: 125},
		"long error":        Error{Status: 125, Text: strings.Repeat("x", MaxErrorText+1)},
	} {
		got, err := Append([]byte("kept"), m)
		if !errors.Is(err, ErrMessage) || string(got) != "kept" {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
	}
}

func TestParserRefuses(t *testing.T) {
	framed := func(kind byte, payload string) string {
		return string(frame.Header{Size: uint32(len(payload)), Kind: kind, Version: Version}.Append(nil)) + payload
	}
	good, _ := Append(nil, fullSpec())
	for name, c := range map[string]struct {
		bytes string
		want  error
	}{
		"console text":        {"[    0.0", ErrFrame},
		"version":             {"\x00\x00\x00\x00\x02\x03\x00\x00", ErrVersion},
		"reserved":            {"\x00\x00\x00\x00\x02\x04\x00\x01", ErrFrame},
		"unknown kind":        {framed(11, ""), ErrFrame},
		"unknown, long":       {framed(11, "x"), ErrFrame},
		"ready with payload":  {framed(kindReady, "x"), ErrFrame},
		"huge spec":           {"\x01\x00\x30\x00\x01\x04\x00\x00", ErrFrame},
		"short exit":          {framed(kindExit, "\x01"), ErrMessage},
		"bad signal":          {framed(kindExit, "\x80\x41\x00"), ErrMessage},
		"error cut short":     {framed(kindError, "\x7d\x05\x00\x00\x00abcd"), ErrMessage},
		"error with trailer":  {framed(kindError, "\x7d\x01\x00\x00\x00abcd"), ErrMessage},
		"spec cut short":      {framed(kindSpec, string(good[frame.HeaderSize:len(good)-1])), ErrMessage},
		"spec with trailer":   {framed(kindSpec, string(good[frame.HeaderSize:])+"x"), ErrMessage},
		"list larger than it": {framed(kindSpec, "\xff\xff\xff\xff"), ErrMessage},
		"string larger":       {framed(kindSpec, "\x01\x00\x00\x00\xff\xff\xff\xff"), ErrMessage},
		"bool of two":         {framed(kindSpec, strings.Replace(string(good[frame.HeaderSize:]), "box\x01", "box\x02", 1)), ErrMessage},
	} {
		var p Parser
		p.Feed([]byte(c.bytes))
		m, err := p.Next()
		if m != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: got %#v, %v, want %v", name, m, err, c.want)
		}
		p.Feed(good)
		if _, again := p.Next(); again != err {
			t.Errorf("%s: came back to life: %v", name, again)
		}
	}
}

func FuzzParser(f *testing.F) {
	for _, m := range messages {
		b, _ := Append(nil, m)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Parser
		p.Feed(b)
		for {
			m, err := p.Next()
			if err != nil || m == nil {
				return
			}
			// What was understood has exactly one spelling: the one received.
			out, err := Append(nil, m)
			if err != nil {
				t.Fatalf("%#v was received but cannot be sent: %v", m, err)
			}
			if !bytes.HasPrefix(b, out) {
				t.Fatalf("%#v is spelled %q, received %q", m, out, b)
			}
			b = b[len(out):]
		}
	})
}
