package console_test

import (
	"testing"

	"github.com/c2w/c2w/internal/testkit/guestdrv"
)

// FuzzGuest lets a guest and a host of a booted console do anything in turn.
func FuzzGuest(f *testing.F) {
	for _, s := range guestdrv.Scripts(6) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		g := handshake(t)
		g.Script(script, func(kind uint8, value uint32) {
			p := g.dev.Port(int(kind & 1))
			switch kind >> 1 % 5 {
			case 0:
				b := make([]byte, value%(1<<16))
				if n := p.Input(b); n < 0 || n > len(b) {
					t.Fatalf("accepted %d of %d", n, len(b))
				}
			case 1:
				g.slot.Poll()
			case 2:
				g.hosts[kind&1].room = int(value % (1 << 16))
			case 3:
				g.dev.Resize(uint16(value), uint16(value>>16))
			case 4:
				p.Open(value&1 != 0)
			}
		})
	})
}
