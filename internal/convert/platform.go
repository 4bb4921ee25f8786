package convert

import (
	"debug/elf"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/internal/machine/board"
	"github.com/c2w/c2w/internal/machine/board/riscv64"
)

// platform is one that c2w can run.
type platform struct {
	name  string // as in --platform and in image indexes
	arch  string // as package guest names it
	board *board.Kind
	// machine is what the architecture's programs say of themselves.
	machine elf.Machine
}

// platforms is the table of them; the first is the default.
var platforms = []platform{
	{name: "linux/riscv64", arch: "riscv64", board: riscv64.Kind, machine: elf.EM_RISCV},
}

// Platforms lists the platforms that images can be converted for, the default
// first.
func Platforms() []string {
	var names []string
	for _, p := range platforms {
		names = append(names, p.name)
	}
	return names
}

// findPlatform returns the platform of that name; "" is the default.
func findPlatform(name string) (*platform, v1.Platform, error) {
	if name == "" {
		name = platforms[0].name
	}
	want, err := v1.ParsePlatform(name)
	if err != nil || want.OS == "" || want.Architecture == "" {
		return nil, v1.Platform{}, fmt.Errorf("platform %q is not of the form OS/ARCHITECTURE: c2w runs %s", name, strings.Join(Platforms(), ", "))
	}
	for i := range platforms {
		if p := &platforms[i]; p.name == want.OS+"/"+want.Architecture {
			return p, *want, nil
		}
	}
	return nil, v1.Platform{}, fmt.Errorf("c2w cannot run images for %s yet, only for %s", name, strings.Join(Platforms(), ", "))
}
