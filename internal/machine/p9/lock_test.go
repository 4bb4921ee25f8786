//go:build linux

package p9_test

import (
	"testing"

	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/testkit/p9client"
)

func TestLocks(t *testing.T) {
	g := start(t)
	g.ok(g.Clunk(g.create("", "db", 0o644)))
	a, b := g.open("db", rdwr), g.open("db", rdwr)
	const read, write, un = 0, 1, 2
	lock := func(f uint32, proc uint32, typ uint8, start, length uint64, want uint8) {
		t.Helper()
		got, e := g.Lock(f, p9client.Lock{Type: typ, Start: start, Length: length, Proc: proc, Client: "guest"})
		if e != hostfs.OK || got != want {
			t.Errorf("proc %d, type %d at %d+%d: status %d, %v; want %d", proc, typ, start, length, got, e, want)
		}
	}
	held := func(proc uint32, typ uint8, start, length uint64, want p9client.Lock) {
		t.Helper()
		want.Client = "guest"
		got, e := g.Getlock(a, p9client.Lock{Type: typ, Start: start, Length: length, Proc: proc, Client: "guest"})
		if e != hostfs.OK || got != want {
			t.Errorf("getlock: %+v, %v; want %+v", got, e, want)
		}
	}
	const ok, blocked = 0, 1
	lock(a, 1, read, 0, 100, ok)
	lock(b, 2, read, 50, 100, ok)
	lock(b, 2, write, 50, 10, blocked)
	lock(b, 2, write, 100, 50, ok) // its own, raised
	held(1, read, 120, 1, p9client.Lock{Type: write, Start: 100, Length: 50, Proc: 2})
	held(1, read, 60, 1, p9client.Lock{Type: un, Start: 60, Length: 1, Proc: 1})
	held(1, write, 60, 1, p9client.Lock{Type: read, Start: 50, Length: 50, Proc: 2})
	lock(b, 2, un, 70, 10, ok) // splits
	held(1, write, 70, 10, p9client.Lock{Type: un, Start: 70, Length: 10, Proc: 1})
	held(1, write, 80, 20, p9client.Lock{Type: read, Start: 80, Length: 20, Proc: 2})
	lock(a, 1, write, 0, 0, blocked)
	g.ok(g.Clunk(b)) // lets go of all
	lock(a, 1, write, 0, 0, ok)
	held(3, write, 1<<63, 5, p9client.Lock{Type: write, Start: 0, Length: 0, Proc: 1})

	// Through another name, and of another client.
	g.ok(g.Link(1, a, "other"))
	c := g.open("other", rdwr)
	lock(c, 2, read, 5, 1, blocked)
	s, e := g.Lock(c, p9client.Lock{Type: read, Length: 1, Proc: 1, Client: "else"})
	if s != blocked || e != hostfs.OK {
		t.Error("another client's process of that number:", s, e)
	}
	// A lock that a child releases through the file it inherited.
	lock(a, 7, un, 0, 0, ok)
	lock(c, 2, read, 5, 1, ok)

	// A byte at a time, held as one.
	for i := range uint64(10_000) {
		lock(a, 1, read, 1000+i, 1, ok)
	}
	held(9, write, 1000, 1, p9client.Lock{Type: read, Start: 1000, Length: 10_000, Proc: 1})
	// Not without end.
	full := false
	for i := range uint64(10_000) {
		s, _ := g.Lock(a, p9client.Lock{Type: write, Start: 1e6 + 2*i, Length: 1, Proc: 1, Client: "guest"})
		full = full || s == 2
	}
	if !full {
		t.Error("10,000 locks")
	}
	lock(a, 1, un, 0, 0, ok)
	lock(c, 2, un, 0, 0, ok)
	held(9, write, 0, 0, p9client.Lock{Type: un, Proc: 9})

	_, e = g.Lock(a, p9client.Lock{Type: 3, Client: "guest"})
	g.want(e, hostfs.EINVAL)
	_, e = g.Lock(a, p9client.Lock{Start: 2, Length: 1<<64 - 1, Client: "guest"})
	g.want(e, hostfs.EINVAL)
	_, e = g.Lock(g.at("db"), p9client.Lock{Length: 1, Client: "guest"})
	g.want(e, hostfs.EBADF)
}
