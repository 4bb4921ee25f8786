package machine

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// TestCompilesLate: a hook says whether page functions have to wait; without
// one, what is known of the engine does, which a virtual host is not.
func TestCompilesLate(t *testing.T) {
	for name, c := range map[string]struct {
		version, answer int32
		want            bool
	}{
		"late":        {2, 1, true},
		"early":       {2, 0, false},
		"not filled":  {2, abi.HookUnavailable, false},
		"too old":     {1, 1, false},
		"unavailable": {abi.HookUnavailable, 1, false},
	} {
		m := &Machine{host: wasi.Virtual{Worked: func() int64 { return 0 }}.NewHost()}
		m.cfg.Hook = func(slot, a, _, _ int32) int32 {
			switch slot {
			case abi.HookVersion:
				return min(a, c.version)
			case abi.HookCompilesLate:
				return c.answer
			}
			return abi.HookUnavailable
		}
		if got := m.compilesLate(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		if m.cfg.Hook = nil; m.compilesLate() {
			t.Error("a virtual host compiles late")
		}
	}
}
