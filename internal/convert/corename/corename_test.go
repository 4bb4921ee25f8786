package corename

import "testing"

func TestName(t *testing.T) {
	if a, b := Name(), Name(); a != b || len(a) < 16 {
		t.Errorf("%q, then %q", a, b)
	}
}
