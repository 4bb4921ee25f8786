package machinewasm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// goVersion is that of the Go that compiled this program, apart from experiments.
func goVersion() string {
	v, _, _ := strings.Cut(runtime.Version(), " X:")
	return v
}

// released are versions that the go command can fetch when it has another one.
var released = regexp.MustCompile(`^go1\.[0-9]+(\.[0-9]+|rc[0-9]+|beta[0-9]+)?$`)

// surroundings are what is taken over of the user's settings for the go command:
// where it fetches from and keeps what it has fetched and built. Everything else
// that it would take from its environment could change what it builds.
var surroundings = []string{"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS", "GOMODCACHE", "GOCACHE", "GOTMPDIR"}

// compile builds the machine in a directory of its own.
func compile(ctx context.Context, files fs.FS, version string) (_ []byte, err error) {
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("this c2w does not carry its machine, and there is no go command on the path to build it with: install %s from https://go.dev/dl, take a released c2w, which carries it, or name one that was built by %s=FILE", version, Variable)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("building the machine, which this c2w does not carry: %w", err)
		}
	}()
	dir, err := os.MkdirTemp("", "c2w-machine-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	root := filepath.Join(dir, "src")
	if err := os.CopyFS(root, files); err != nil {
		return nil, err
	}
	g := goRun{command: goCommand, dir: root}
	if g.env, err = environment(ctx, g, dir, version); err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "machine.wasm")
	if _, err := g.run(ctx, "build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w -buildid=", "-o", out, "./cmd/machine"); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// environment is that of a build by the Go of that version, whatever the user's
// environment and the go command's own file of settings say.
func environment(ctx context.Context, g goRun, dir, version string) ([]string, error) {
	toolchain := "GOTOOLCHAIN=local"
	if released.MatchString(version) {
		toolchain = "GOTOOLCHAIN=" + version
	}
	users := os.Environ()
	g.env = append(slices.Clone(users), toolchain, "GOWORK=off")
	text, err := g.run(ctx, append([]string{"env", "-json", "GOVERSION"}, surroundings...)...)
	if err != nil {
		return nil, fmt.Errorf("by %s, which built this c2w: %w", version, err)
	}
	var have map[string]string
	if err := json.Unmarshal(text, &have); err != nil {
		return nil, fmt.Errorf("reading the output of go env: %w", err)
	}
	if is, _, _ := strings.Cut(have["GOVERSION"], " X:"); is != version {
		return nil, fmt.Errorf("the go command is %s, and this c2w was built by %s: build c2w again, or bring that Go onto the path", is, version)
	}
	env := slices.DeleteFunc(users, func(kv string) bool {
		kv = strings.ToUpper(kv) // as Windows has it
		return strings.HasPrefix(kv, "GO") && !strings.HasPrefix(kv, "GOROOT=") || strings.HasPrefix(kv, "CGO_") || strings.HasPrefix(kv, "PWD=")
	})
	env = append(env, toolchain, "GOENV=off", "GOWORK=off", "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	for _, name := range surroundings {
		value := have[name]
		if value == "" && (name == "GOCACHE" || name == "GOMODCACHE") { // a user without a home
			value = filepath.Join(dir, strings.ToLower(name))
			env = append(env, "GOFLAGS=-modcacherw") // it is to be removed
		}
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env, nil
}

// goRun runs the go command.
type goRun struct {
	command, dir string
	env          []string
}

// run returns what the go command writes to its standard output.
func (g goRun) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, g.command, args...)
	cmd.Dir, cmd.Env = g.dir, g.env
	cmd.WaitDelay = 5 * time.Second // for compilers that outlive it
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	if text := bytes.TrimSpace(complaints.Bytes()); err != nil && len(text) > 0 {
		err = errors.New(string(text))
	}
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}
