package convert

import (
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/convert/corename"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/wasm"
)

func TestMachineForAnotherCore(t *testing.T) {
	plain := (&wasm.Module{}).Encode()
	says := func(name string) []byte {
		return wasm.AppendCustom(append([]byte(nil), plain...), wasm.Custom{Name: corename.Section, Data: []byte(name)})
	}
	for name, m := range map[string][]byte{"says nothing": plain, "says the same": says(corename.Name(riscv64.Guest)), "is no module": []byte("m")} {
		if err := checkMachine(m); err != nil {
			t.Errorf("a machine that %s: %v", name, err)
		}
	}
	for _, name := range []string{"", "layout 00000000 code 0000000000000000", corename.Name(riscv64.Guest) + " ", strings.Repeat("\n", 1000)} {
		o := Options{Ref: "demo:", TempDir: t.TempDir(), Machine: says(name)}
		_, err := Convert(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "another version of c2w") || !strings.Contains(err.Error(), "make machine") || strings.Contains(err.Error(), "\n") {
			t.Errorf("a machine for the core %.40q: %v", name, err)
		}
	}
}
