package e2e

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/format/attach"
)

// TestMoments says one thing at a random moment between a run's first instruction
// and a little after its program's first output: whatever the moment is, it has an
// effect. C2W_MOMENTS is how many tries there are, C2W_SEED repeats a run's.
func TestMoments(t *testing.T) {
	slow(t)
	tries, seed := 4, uint64(time.Now().UnixNano())
	if n, err := strconv.Atoi(os.Getenv("C2W_MOMENTS")); err == nil {
		tries = n
	}
	if n, err := strconv.ParseUint(os.Getenv("C2W_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("C2W_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	file := convert(t, "demo:")
	start := func() *peer {
		p := startPeer(t, "", file, "--init", "--", "sh", "-c", "echo up; exec sleep 1000")
		p.say(attach.Hello{Version: 1})
		return p
	}
	begin := time.Now()
	p := start()
	p.expect("up")
	boot := time.Since(begin)
	p.say(attach.Signal{Number: 9})
	p.await("the end", func() bool { return p.over })
	for range tries {
		p := start()
		number := []uint8{1, 10, 12, 15}[random.IntN(4)]
		<-time.After(time.Duration(random.Int64N(int64(boot) * 5 / 4))) // the moment is what is tried
		p.say(attach.Signal{Number: number})
		p.await("the end", func() bool { return p.over })
		// Killed by it, before the program or under the container's init.
		if p.exit == nil || p.exit.Status != 128+number {
			t.Errorf("signal %d brought %v, output %q, lines %q", number, p.exit, p.out, p.lines)
		}
	}
}
