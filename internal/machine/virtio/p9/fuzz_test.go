package p9_test

import (
	"testing"

	"github.com/c2w/c2w/internal/testkit/guestdrv"
)

func FuzzGuest(f *testing.F) {
	for _, s := range guestdrv.Scripts(1) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		d, s := start(t, &echo{}, 256<<10)
		d.Script(script, func(uint8, uint32) { s.Poll() })
	})
}
