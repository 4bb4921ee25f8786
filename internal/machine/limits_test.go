package machine

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// TestKeeps: what a guest can make the machine keep fits what the collector keeps
// to, whatever the guest's memory.
func TestKeeps(t *testing.T) {
	for _, ram := range []int{MinRAM, 64 << 20, DefaultRAM, 1 << 30, MaxRAM} {
		sum := 0
		for _, k := range Keeps(riscv64.Guest, ram) {
			if k.Bytes <= 0 {
				t.Errorf("%s: %d bytes", k.Part, k.Bytes)
			}
			sum += k.Bytes
			t.Logf("%4d MiB: %-20s %5.1f", ram>>20, k.Part, float64(k.Bytes)/(1<<20))
		}
		t.Logf("%4d MiB: %.1f of %d MiB", ram>>20, float64(sum)/(1<<20), HeapLimit>>20)
		if sum > HeapLimit {
			t.Errorf("%d MiB of RAM: %d bytes may be kept, the limit is %d", ram>>20, sum, HeapLimit)
		}
	}
}
