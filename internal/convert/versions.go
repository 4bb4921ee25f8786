package convert

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/convert/licenses"
)

// Versions says which works of software a file carries.
type Versions struct {
	// Kernel is Linux's release, as uname -r tells it.
	Kernel string `json:"kernel"`
	Runc   string `json:"runc"`
	// Machine is the digest of the machine's module.
	Machine string `json:"machine"`
}

// banner is what every Linux holds of itself (init/version-timestamp.c).
var banner = regexp.MustCompile(`Linux version ([^\s%]{1,64}) `)

// runcName is runc's in the list of licences, which knows its version.
const runcName = "github.com/opencontainers/runc"

func (p *pipeline) versions() (v Versions, err error) {
	kernel, err := guest.Kernel(p.plat.arch)
	if err != nil {
		return v, err
	}
	if m := banner.FindSubmatch(kernel); m != nil {
		v.Kernel = string(m[1])
	}
	works, err := licenses.List()
	if err != nil {
		return v, err
	}
	for _, w := range works {
		if w.Name == runcName {
			v.Runc = strings.TrimPrefix(w.Version, "v")
		}
	}
	v.Machine = fmt.Sprintf("sha256:%x", sha256.Sum256(p.o.Machine))
	return v, nil
}
