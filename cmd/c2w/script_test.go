package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/c2w/c2w/demo"
	"github.com/c2w/c2w/internal/convert/machinewasm"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"c2w": main})
}

// TestScripts runs tests/script. Beside testscript's own commands they have
// those of scriptCommands, and the variables
//
//	DEMO      the demo image, converted
//	DEMODIR   the demo image as an OCI layout; not to be changed
//	REGISTRY  a registry that has the demo image as demo:latest
//	REFUSING  a registry that refuses everybody
//	DEAD      an address at which there is no registry
func TestScripts(t *testing.T) {
	s := shared{dir: t.TempDir()}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		http.Error(w, "who are you?\nsay", http.StatusUnauthorized)
	}))
	defer refusing.Close()
	dead := httptest.NewServer(nil)
	dead.Close()
	t.Run("scripts", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                 "../../tests/script",
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			Cmds:                scriptCommands,
			Condition: func(cond string) (bool, error) {
				switch cond {
				case "root":
					return os.Geteuid() == 0, nil
				case "carried": // the machine, by this program
					m, err := machinewasm.Look(machinewasm.Options{})
					return m != nil, err
				}
				return false, fmt.Errorf("unknown condition %q", cond)
			},
			Setup: func(e *testscript.Env) error {
				if err := s.make(server.Listener.Addr().String()); err != nil {
					return err
				}
				for _, kv := range s.env() {
					k, v, _ := strings.Cut(kv, "=")
					e.Setenv(k, v)
				}
				e.Setenv("DEMO", s.path("demo.wasm"))
				e.Setenv("DEMODIR", s.path("demo"))
				e.Setenv("REGISTRY", server.Listener.Addr().String())
				e.Setenv("REFUSING", refusing.Listener.Addr().String())
				e.Setenv("DEAD", dead.Listener.Addr().String())
				return nil
			},
		})
	})
}

// shared is what all scripts use: made once, by the first that starts.
type shared struct {
	dir                string
	goCache, goModules string
	once               sync.Once
	err                error
}

func (s *shared) path(name string) string { return filepath.Join(s.dir, name) }

// env gives c2w a home and a cache that the scripts share, a machine, and the go
// command's own caches.
func (s *shared) env() []string {
	return []string{
		"GOCACHE=" + s.goCache, "GOMODCACHE=" + s.goModules,
		"HOME=" + s.path("home"), "XDG_CACHE_HOME=" + s.path("cache"), "LocalAppData=" + s.path("cache"),
		machinewasm.Variable + "=" + s.path("machine.wasm"),
	}
}

func (s *shared) make(registryAddr string) error {
	s.once.Do(func() { s.err = s.fill(registryAddr) })
	return s.err
}

func (s *shared) machine() error {
	m, err := machinewasm.Find(context.Background(), machinewasm.FromEnvironment())
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("machine.wasm"), m.Module, 0o666)
}

func (s *shared) fill(registryAddr string) error {
	if err := s.machine(); err != nil {
		return err
	}
	caches, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	s.goCache, s.goModules, _ = strings.Cut(strings.TrimSpace(string(caches)), "\n")
	s.goModules = strings.TrimSpace(s.goModules)
	layout, err := demo.Layout()
	if err == nil {
		err = os.CopyFS(s.path("demo"), layout)
	}
	if err == nil {
		err = pushLayout(s.path("demo"), registryAddr+"/demo:latest")
	}
	if err != nil {
		return err
	}
	// The run also compiles the file for all that follow.
	for _, args := range [][]string{{"-q", "demo:", s.path("demo.wasm")}, {"run", s.path("demo.wasm"), "true"}} {
		cmd := exec.Command("c2w", args...)
		cmd.Env = append(os.Environ(), s.env()...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("c2w %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"status":    statusScript,
	"copydir":   copyScript,
	"damage":    damageScript,
	"damageall": damageAllScript,
	"ociempty":  ociEmptyScript,
	"truncate":  truncateScript,
	"nofile":    noFileScript,
	"capture":   captureScript,
}

// status STATUS COMMAND [ARG…] runs a command that must end with that status.
func statusScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status STATUS COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("status %d, want %d", got, want)
	}
}

// copydir FROM TO copies a directory.
func copyScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: copydir FROM TO")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.MkAbs(args[0]))))
}

// truncate FILE SIZE cuts a copy's end off.
func truncateScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE SIZE")
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
}

// nofile PATTERN… wants no file to match.
func noFileScript(ts *testscript.TestScript, neg bool, args []string) {
	for _, pattern := range args {
		found, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(found) > 0 {
			ts.Fatalf("left behind: %q", found)
		}
	}
}

// capture VARIABLE REGEXP sets a variable to what the first group of the first
// match has in the standard output of the command before.
func captureScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture VARIABLE REGEXP")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	m := re.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("no match for %#q with a group", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// damageall PATTERN… flips one byte in the middle of each file that matches.
func damageAllScript(ts *testscript.TestScript, neg bool, args []string) {
	for _, pattern := range args {
		found, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(found) == 0 {
			ts.Fatalf("nothing matches %s", pattern)
		}
		for _, name := range found {
			info, err := os.Stat(name)
			ts.Check(err)
			damageScript(ts, false, []string{name, strconv.FormatInt(info.Size()/2, 10)})
		}
	}
}

// damage DIR layer|manifest|config flips one byte in the middle of that blob of
// an OCI layout with one image; damage FILE OFFSET one byte of a file.
func damageScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: damage DIR layer|manifest|config, or: damage FILE OFFSET")
	}
	name := ts.MkAbs(args[0])
	offset := int64(-1)
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		blob, err := findBlob(name, args[1])
		ts.Check(err)
		name = blob
	} else {
		offset, err = strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
	}
	b, err := os.ReadFile(name)
	ts.Check(err)
	if offset < 0 {
		offset = int64(len(b) / 2)
	}
	b[offset] ^= 1
	ts.Check(os.Chmod(name, 0o644))
	ts.Check(os.WriteFile(name, b, 0o644))
}
