// Package tests checks what no single package can: the direction of imports, and
// that the documents are of this tree. Its folders hold what tests c2w from
// outside: converted files on each engine (e2e), scripts of the command line
// (script, run by cmd/c2w), real programs (programs), frozen vectors of
// instructions (isa), recipes of images (images).
package tests

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/c2w/c2w"

// ban is a direction in which imports must not point, at any depth. Packages
// are named from the module's root, "..." stands for the package and what is
// below it, "." the root's own; ours is every package of the module. Other modules and the standard
// library go by their full names.
type ban struct {
	pkg    string
	may    string // exceptions
	mayNot string
	why    string
}

const ours = "ours"

// wings are the folders of internal, from the lowest up. What a wing may import
// is listed whole: a wing that is not named is above it, or none of its business.
// Each wing's package comment says what comes in, what goes out and who may ask.
var wings = []ban{
	{"internal/wasm/...", "internal/wasm/...", ours, "it is the binary format, of anybody's modules"},
	{"internal/cpu/...", "internal/cpu/... internal/wasm/...", ours, "a CPU has no devices, no files and no containers"},
	{"internal/format/...", "internal/format/... internal/wasm/... internal/cpu/core", ours, "two sides share it, so it knows neither"},
	{"internal/machine/...", "internal/machine/... internal/cpu/... internal/format/... internal/wasm", ours, "what it runs is handed to it"},
	{"internal/convert/...", "internal/convert/... internal/machine/... internal/cpu/... internal/format/... internal/wasm/... guest/... demo .", ours, "the pipeline knows no command line, and does not run files"},
	{"internal/inspect/...", "internal/inspect/... internal/machine/... internal/cpu/... internal/format/... internal/wasm/...", ours, "it takes files as they are, whoever made them"},
	{"internal/run/...", "internal/run/... internal/format/...", ours, "it has the user and an engine, not what is in the file"},
	{"internal/make/...", ours, ours, "what makes committed and released files stands on everything"},
}

// bans are the directions inside the wings, and at the module's edges.
var bans = []ban{
	{"internal/cpu/softfloat", "", ours, "it is arithmetic"},
	{"internal/cpu/core", "", ours, "the contract between Go and generated code takes no side"},
	{"internal/format/frame", "", ours, "it is bytes on a stream, whatever they say"},
	{"internal/format/agent", "internal/format/frame", ours, "the guest's init and the machine share it and nothing else"},
	{"internal/format/attach", "internal/format/frame", ours, "it is the protocol, shared by machine and client"},
	{"internal/run/client", "internal/format/attach internal/format/frame", ours, "it has the user, not the file nor the engine"},
	{"internal/convert/container", "internal/format/agent internal/format/frame", ours, "it writes what the runtime is given, and knows neither converter nor init"},
	{"internal/machine/fdt", "", ours, "it writes device trees of what it is told"},
	{"internal/wasm", "", ours, "it is the format of anybody's modules"},
	{"internal/wasm/link", "internal/wasm", ours, "it joins any Go reactor with any functions"},
	{"internal/format/marks", "internal/cpu/core internal/wasm", ours, "it ties numbers to numbers, whoever asks"},
	{"internal/machine/wasi", "internal/machine/hostfs", ours, "it is the host as any program sees it"},
	{"internal/machine/hostfs/...", "internal/machine/hostfs", ours, "it is the contract between hosts and a server of files, and knows neither"},
	{"internal/machine/p9", "internal/machine/hostfs", ours, "it serves any host's files over any transport"},
	{"internal/machine/virtio/...", "internal/machine/virtio", ours, "devices reach RAM, interrupts and the host by what they are given; none knows another"},
	{"internal/machine/device/...", "", ours, "like virtio devices"},
	{"internal/format/disk/...", "internal/format/disk/...", ours, "it does not know what is on the disk, nor who reads it"},

	{"internal/cpu/native", "", "internal/cpu/isa/riscv64", "it runs a hart, not a machine, whatever the ISA"},
	{"internal/inspect/listing", "", "internal/convert internal/inspect/lockstep guest/... cmd/...", "it prints what becomes of code, and runs nothing"},
	{"internal/cpu/mem", "", "internal/cpu/isa/... internal/cpu/ir internal/cpu/emit internal/cpu/engine", "page tables are the ISA's, translations the engine's"},
	{"internal/cpu/ir", "", "internal/cpu/isa/... internal/wasm/... internal/cpu/emit internal/cpu/engine", "it lies between the ISAs and the ways to execute them and knows neither"},
	{"internal/cpu/isa", "", "internal/cpu/isa/riscv64 internal/cpu/isa/x86_64 internal/wasm/... internal/cpu/emit", "what the ISAs share knows none of them"},
	{"internal/cpu/isa/riscv64 internal/cpu/isa/x86_64", "", "internal/wasm/... internal/cpu/emit internal/cpu/engine internal/cpu/mem", "an ISA says what instructions do, not how that is executed, and knows no device"},
	{"internal/cpu/abi", "internal/cpu/core internal/cpu/ir internal/cpu/isa internal/cpu/softfloat", ours, "makers and runners of code stand side by side on it"},
	{"internal/cpu/emit", "", "internal/cpu/isa/riscv64 internal/cpu/engine internal/cpu/mem", "one emitter serves every ISA, wherever its code runs"},
	{"internal/cpu/emit/graph", "", ours, "it is control flow, of whatever and for whatever"},
	{"internal/cpu/engine", "", "internal/cpu/isa/riscv64 internal/cpu/emit/... internal/wasm/...", "one engine serves every ISA and every machine, and runs code, whoever made it"},
	{"internal/machine/board/...", "internal/machine/board internal/machine/virtio/... internal/machine/device/... internal/machine/fdt internal/cpu/...", ours, "it is hardware, whoever drives it, whatever is plugged in"},
	{"internal/machine/board", "", "internal/cpu/isa/riscv64", "what boards share knows none of them"},
	{"internal/machine", "", "internal/cpu/isa/riscv64 internal/machine/board/riscv64 internal/cpu/emit/... internal/wasm/... internal/cpu/native", "it runs the code that lies in its file, and makes none"},

	{"internal/convert/image", "demo", ours, "it does not know what becomes of a layer"},
	{"internal/convert/rootfs", "", ours, "it does not know where layers come from, nor what reads the disk"},
	{"guest/...", "guest/... internal/format/agent internal/format/frame", ours, "kernel and init are made before everything else"},
	{"demo", "", ours, "an image like any other"},
	{"internal/convert/machinewasm", ".", ours, "it has the machine as sources and as bytes; importing it would build it twice"},
	{"internal/run/runner", "", ours, "it is a WASI host, for any file"},
	{"internal/convert", "", "internal/convert/machinewasm", "which machine a file gets is said by the caller"},

	{".", "", ours, "it carries the machine's sources as text, for a package that must not depend on them otherwise"},
	{"...", "", "internal/make/...", "makers are for people, and run once"},

	{"cmd/c2w", "", "internal/testkit/... testing", "users get no test code"},
	{"cmd/machine", "", "internal/testkit/... testing net net/... os/exec encoding/json encoding/gob text/template", "every byte of it is in every file and costs at every start"},
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
	for pkg := range deps {
		in := func(b ban) bool { return match(b.pkg, pkg) }
		if match("internal/...", pkg) && !match("internal/testkit/...", pkg) && !slices.ContainsFunc(wings, in) {
			t.Errorf("%s is in no wing: see the list in this test", short(pkg))
		}
	}
	for _, b := range slices.Concat(wings, bans) {
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
		if pkg == module {
			name = "."
		} else if _, tail, ok := strings.Cut(pkg, module+"/"); ok {
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
		{ours, module + "/internal/cpu/ir", true},
		{ours, "fmt", false},
		{"internal/cpu/isa", module + "/internal/cpu/isa", true},
		{"internal/cpu/isa", module + "/internal/cpu/isa/riscv64", false},
		{"internal/cpu/isa/...", module + "/internal/cpu/isa", true},
		{"internal/cpu/isa/...", module + "/internal/cpu/isa/riscv64", true},
		{"internal/cpu/isa/...", module + "/internal/isatest", false},
		{"net net/...", "net/http", true},
		{"net", "net/http", false},
		{"os fmt", "fmt", true},
		{".", module, true},
		{".", module + "/demo", false},
		{ours, module, true},
		{"", "fmt", false},
	} {
		if got := match(c.list, c.pkg); got != c.want {
			t.Errorf("match(%q, %q) = %v", c.list, c.pkg, got)
		}
	}
}
