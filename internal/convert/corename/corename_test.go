package corename

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

func TestName(t *testing.T) {
	if a, b := Name(riscv64.Guest), Name(riscv64.Guest); a != b || len(a) < 16 {
		t.Errorf("%q, then %q", a, b)
	}
}
