// Package tests checks what no single package can: the direction of imports, and
// that the documents are of this tree. Its folders hold what tests c2w from
// outside: converted files on each engine (e2e), scripts of the command line
// (script, run by cmd/c2w), real programs (programs), frozen vectors of
// instructions (isa), recipes of images (images).
package tests

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/c2w/c2w"

// ban is a direction in which imports must not point, at any depth. Packages
// are named from the module's root, "..." stands for the package and what is
// below it; ours is every package of the module. Other modules and the standard
// library go by their full names.
type ban struct {
	pkg    string
	may    string // exceptions
	mayNot string
	why    string
}

const ours = "ours"

var bans = []ban{
	{"internal/softfloat", "", ours, "it is arithmetic"},
	{"internal/core", "", ours, "the contract between Go and generated code takes no side"},
	{"internal/bootcfg", "", ours, "the guest's init and the machine share it and nothing else"},
	{"internal/attach", "", ours, "it is the protocol, shared by machine and client"},
	{"internal/attach/client", "internal/attach", ours, "it has the user, not the file nor the engine"},
	{"internal/container", "internal/bootcfg", ours, "it writes what the runtime is given, and knows neither converter nor init"},
	{"internal/fdt", "", ours, "it writes device trees of what it is told"},
	{"internal/wasm", "", ours, "it is the format of anybody's modules"},
	{"internal/wasm/link", "internal/wasm", ours, "it joins any Go reactor with any functions"},
	{"internal/marks", "internal/core internal/wasm", ours, "it ties numbers to numbers, whoever asks"},
	{"internal/wasi", "internal/hostfs", ours, "it is the host as any program sees it"},
	{"internal/hostfs/...", "internal/hostfs", ours, "it is the contract between hosts and a server of files, and knows neither"},
	{"internal/p9", "internal/hostfs", ours, "it serves any host's files over any transport"},
	{"internal/virtio/...", "internal/virtio", ours, "devices reach RAM, interrupts and the host by what they are given; none knows another"},
	{"internal/device/...", "", ours, "like virtio devices"},
	{"internal/disk/...", "internal/disk/...", ours, "it does not know what is on the disk, nor who reads it"},

	{"internal/native", "", "internal/isa/riscv64 internal/machine internal/virtio/... internal/device/...", "it runs a hart, not a machine, whatever the ISA"},
	{"internal/trial", "", "internal/convert internal/aot/... internal/image internal/rootfs internal/runner guest/... demo cmd/...", "it does not know where guests come from, nor what a run is for"},
	{"internal/dissect", "", "internal/convert internal/aot/... internal/image internal/rootfs internal/runner internal/lockstep guest/... demo cmd/...", "it takes files apart, whoever made them and for whatever purpose"},
	{"internal/listing", "", "internal/convert internal/lockstep guest/... cmd/...", "it prints what becomes of code, and runs nothing"},
	{"internal/lockstep", "", "internal/convert internal/aot/... internal/image internal/rootfs internal/runner guest/... demo cmd/...", "it compares machines, wherever the file comes from"},
	{"internal/mem", "", "internal/isa/... internal/ir internal/emit internal/engine", "page tables are the ISA's, translations the engine's"},
	{"internal/ir", "", "internal/isa/... internal/wasm/... internal/emit internal/engine", "it lies between the ISAs and the ways to execute them and knows neither"},
	{"internal/isa", "", "internal/isa/riscv64 internal/wasm/... internal/emit", "what the ISAs share knows none of them"},
	{"internal/isa/riscv64", "", "internal/wasm/... internal/emit internal/engine internal/mem internal/machine internal/virtio/... internal/device/...", "an ISA says what instructions do, not how that is executed, and knows no device"},
	{"internal/emit", "", "internal/isa/riscv64 internal/engine internal/mem internal/machine", "one emitter serves every ISA"},
	{"internal/engine", "", "internal/isa/riscv64 internal/machine internal/virtio/... internal/device/... internal/wasi internal/fdt", "one engine serves every ISA and every machine"},
	{"internal/machine", "", "internal/convert internal/image internal/rootfs internal/runner internal/machinewasm internal/wasm/link guest/... demo cmd/...", "what it runs is handed to it"},

	{"internal/image", "demo", ours, "it does not know what becomes of a layer"},
	{"internal/rootfs", "", ours, "it does not know where layers come from, nor what reads the disk"},
	{"guest/...", "guest/... internal/bootcfg", ours, "kernel and init are made before everything else"},
	{"demo", "", ours, "an image like any other"},
	{"internal/machinewasm", "", ours, "it carries the machine as bytes; importing it would build it twice"},
	{"internal/runner", "", ours, "it is a WASI host, for any file"},
	{"internal/convert", "", "cmd/... internal/runner internal/machinewasm", "the pipeline knows no command line, and does not run files"},

	{"cmd/c2w", "", "internal/testkit/... internal/wasi/wasitest internal/machinewasm/recipe demo/pack/... testing", "users get no test code, and nothing that runs the go command"},
	{"cmd/machine", "", "internal/testkit/... internal/wasi/wasitest testing net net/... os/exec encoding/json encoding/gob text/template", "every byte of it is in every file and costs at every start"},
	{"guest/init", "", "os fmt reflect net time testing", "every start executes it on an emulated CPU"},
}

// targets are the platforms for which parts of the module are built.
var targets = []struct{ goos, goarch, packages string }{
	{"", "", "./..."},
	{"wasip1", "wasm", "./cmd/machine"},
	{"linux", "riscv64", "./guest/init"},
}

func TestImports(t *testing.T) {
	deps := map[string]map[string]bool{} // package → everything it depends on
	for _, target := range targets {
		cmd := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Deps \" \"}}", target.packages)
		cmd.Dir = ".."
		cmd.Env = append(os.Environ(), "GOOS="+target.goos, "GOARCH="+target.goarch)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list %s: %v", target.packages, err)
		}
		for line := range strings.Lines(string(out)) {
			f := strings.Fields(line)
			if deps[f[0]] == nil {
				deps[f[0]] = map[string]bool{}
			}
			for _, d := range f[1:] {
				deps[f[0]][d] = true
			}
		}
	}
	for _, b := range bans {
		seen := false
		for pkg, ds := range deps {
			if !match(b.pkg, pkg) {
				continue
			}
			seen = true
			for d := range ds {
				if match(b.mayNot, d) && !match(b.may, d) {
					t.Errorf("%s depends on %s: %s", short(pkg), short(d), b.why)
				}
			}
		}
		if !seen {
			t.Errorf("there is no package %s any more: change the list in this test", b.pkg)
		}
	}
}

// match reports whether a package is one of those in a list.
func match(list, pkg string) bool {
	for _, p := range strings.Fields(list) {
		if p == ours {
			p = "..."
		}
		name := pkg
		if _, tail, ok := strings.Cut(pkg, module+"/"); ok {
			name = tail
		} else if p == "..." {
			continue
		}
		if root, ok := strings.CutSuffix(p, "..."); ok {
			if root = strings.TrimSuffix(root, "/"); root == "" || name == root || strings.HasPrefix(name, root+"/") {
				return true
			}
		} else if name == p {
			return true
		}
	}
	return false
}

func short(pkg string) string { return strings.TrimPrefix(pkg, module+"/") }

func TestImportMatch(t *testing.T) {
	for _, c := range []struct {
		list, pkg string
		want      bool
	}{
		{ours, module + "/internal/ir", true},
		{ours, "fmt", false},
		{"internal/isa", module + "/internal/isa", true},
		{"internal/isa", module + "/internal/isa/riscv64", false},
		{"internal/isa/...", module + "/internal/isa", true},
		{"internal/isa/...", module + "/internal/isa/riscv64", true},
		{"internal/isa/...", module + "/internal/isatest", false},
		{"net net/...", "net/http", true},
		{"net", "net/http", false},
		{"os fmt", "fmt", true},
		{"", "fmt", false},
	} {
		if got := match(c.list, c.pkg); got != c.want {
			t.Errorf("match(%q, %q) = %v", c.list, c.pkg, got)
		}
	}
}
