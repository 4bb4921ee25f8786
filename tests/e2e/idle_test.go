package e2e

import (
	"testing"
	"time"
)

// An idle shell leaves the host in peace: this share of a core at most. It takes 0.5 %,
// and on a computer whose processor others use as well 3 % over ten seconds; a machine
// that looks at its clock instead of sleeping takes 50 % and more.
const maxIdle = 0.1

// idleWindow is how long a shell's idleness is watched, idleTries how often at
// most: an engine may still be compiling in the background at first.
const (
	idleWindow = 2 * time.Second
	idleTries  = 5
)

func TestIdle(t *testing.T) {
	slow(t)
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		k := startTalk(t, e.command(t, &invocation{file: convert(t, "demo:"), args: []string{"sh", "-i"}}), false)
		k.expect("# ")
		share := 1.0
		for range idleTries {
			before, begin := cpuTime(t, k.cmd.Process.Pid), time.Now()
			<-time.After(idleWindow) // what is measured is the passing of time
			share = (cpuTime(t, k.cmd.Process.Pid) - before).Seconds() / time.Since(begin).Seconds()
			t.Logf("idle: %.1f %% of a core", 100*share)
			if share < maxIdle {
				break
			}
		}
		if share >= maxIdle {
			t.Errorf("an idle shell takes %.1f %% of a core, more than %.0f %%", 100*share, 100*maxIdle)
		}
		k.say("exit 4")
		k.end(4)
	})
}
