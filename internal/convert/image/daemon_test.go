package image

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// fakeDocker is as much of docker's Engine API as c2w uses.
type fakeDocker struct {
	t        *testing.T
	name     string
	describe string // answer to /images/NAME/json
	archive  []byte
	modern   bool // knows the parameter platform
	asked    []string
}

func (e *fakeDocker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.asked = append(e.asked, r.Method+" "+r.URL.Path)
	say := func(code int, message string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		json.NewEncoder(w).Encode(map[string]string{"message": message})
	}
	if p := r.URL.Query().Get("platform"); e.modern && p != "" {
		var want v1.Platform
		if err := json.Unmarshal([]byte(p), &want); err != nil {
			say(http.StatusBadRequest, err.Error())
			return
		}
		if want.Architecture != "riscv64" {
			say(http.StatusNotFound, "no suitable image for platform "+want.String())
			return
		}
	}
	switch r.URL.Path {
	case "/images/" + e.name + "/json":
		fmt.Fprint(w, e.describe)
	case "/images/" + e.name + "/get":
		w.Write(e.archive)
	default:
		say(http.StatusNotFound, "No such image: "+r.URL.Path)
	}
}

// newDocker has the fixture's image d, in either form of archive.
func newDocker(f *fixture, t *testing.T, d v1.Descriptor, archive []byte) *fakeDocker {
	m := f.manifest(d)
	var config v1.ConfigFile
	if err := json.Unmarshal([]byte(f.json(m.Config.Digest)), &config); err != nil {
		t.Fatal(err)
	}
	describe, err := json.Marshal(map[string]any{
		"Id": m.Config.Digest, "RepoTags": []string{"me/app:v1"}, "Os": "linux", "Architecture": "riscv64", "Size": 12345,
		"Config": config.Config, "RootFS": map[string]any{"Type": "layers", "Layers": config.RootFS.DiffIDs}})
	if err != nil {
		t.Fatal(err)
	}
	return &fakeDocker{t: t, name: "me/app:v1", describe: string(describe), archive: archive}
}

// listen serves it on a Unix socket and sets DOCKER_HOST.
func (e *fakeDocker) listen(t *testing.T) {
	dir, err := os.MkdirTemp("", "c2w") // the socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Skipf("no Unix sockets here: %v", err)
	}
	srv := httptest.NewUnstartedServer(e)
	srv.Listener.Close()
	srv.Listener = l
	srv.Start()
	t.Cleanup(srv.Close)
	t.Setenv("DOCKER_HOST", "unix://"+filepath.ToSlash(filepath.Join(dir, "s")))
}

func TestDaemon(t *testing.T) {
	f := newFixture(t)
	d := f.image(riscv, f.layers...)
	f.close(d)
	for name, archive := range map[string][]byte{"old archive": f.oldSave(), "OCI archive": tarOf(t, f.dir)} {
		for _, modern := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, modern %v", name, modern), func(t *testing.T) {
				e := newDocker(f, t, d, archive)
				e.modern = modern
				e.listen(t)
				temp := t.TempDir()
				var done, total int64
				o := Options{TempDir: temp, Progress: func(d, of int64) { done, total = d, of }}
				img, err := Open(t.Context(), "docker-daemon:me/app:v1", riscv, o)
				if err != nil {
					t.Fatal(err)
				}
				if want := f.manifest(d).Config.Digest; img.Digest != want || img.Config.User != "7" || len(e.asked) != 1 {
					t.Errorf("after %q: %+v, want ID %s", e.asked, img, want)
				}
				for i, l := range img.Layers {
					if got, err := readLayer(l); err != nil || got != f.tars[i] {
						t.Errorf("layer %d: %d bytes, %v", i, len(got), err)
					}
				}
				if len(e.asked) != 2 {
					t.Errorf("requests: %q", e.asked)
				}
				if done != int64(len(archive)) || total != 12345 {
					t.Errorf("progress: %d of %d", done, total)
				}
				if err := img.Close(); err != nil {
					t.Error(err)
				}
				if list, _ := os.ReadDir(temp); len(list) > 0 {
					t.Errorf("left behind: %v", list)
				}
			})
		}
	}
}

func TestDaemonErrors(t *testing.T) {
	f := newFixture(t)
	d := f.image(riscv, f.layers...)
	f.close(f.image(riscv, f.layers[1:]...))
	other := tarOf(t, f.dir)
	e := newDocker(f, t, d, other)
	e.listen(t)
	open := func(ref string, p v1.Platform) error {
		img, err := Open(t.Context(), ref, p, Options{TempDir: t.TempDir()})
		if err != nil {
			return err
		}
		defer img.Close()
		_, err = readLayer(img.Layers[0])
		return err
	}
	expect := func(what string, err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error is %v, want one with %q", what, err, want)
		}
	}
	expect("unknown", open("docker-daemon:none", riscv), "docker has no image none: docker images lists what it has")
	expect("no name", open("docker-daemon:", riscv), "write docker-daemon:NAME:TAG")
	expect("path", open("docker-daemon:a/../../b", riscv), "write docker-daemon:NAME:TAG")
	expect("platform", open("docker-daemon:me/app:v1", amd), "docker has image me/app:v1 for linux/riscv64 only, not for linux/amd64: docker pull --platform linux/amd64 me/app:v1")
	expect("another image", open("docker-daemon:me/app:v1", riscv), "docker sends other layers of image me/app:v1")
	e.archive = e.archive[:len(other)/2]
	expect("cut", open("docker-daemon:me/app:v1", riscv), "reading archive of me/app:v1 from docker: it ends after")
	e.describe = "{"
	expect("not JSON", open("docker-daemon:me/app:v1", riscv), "parsing its answer")
	e.describe = `{"Id":"x","Os":"linux","Architecture":"riscv64"}`
	expect("no ID", open("docker-daemon:me/app:v1", riscv), "its ID")

	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	expect("no daemon", open("docker-daemon:a", riscv), "there is no docker daemon at unix:///nowhere/docker.sock: start it, or name another with DOCKER_HOST")
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	expect("nobody listens", open("docker-daemon:a", riscv), "there is no docker daemon at tcp://127.0.0.1:1")
	t.Setenv("DOCKER_HOST", "ssh://me@host")
	expect("ssh", open("docker-daemon:a", riscv), "docker save -o FILE NAME, then docker-archive:FILE")
	t.Setenv("DOCKER_HOST", "fd://")
	expect("odd", open("docker-daemon:a", riscv), "is not of the form unix://PATH")
	if runtime.GOOS != "windows" {
		t.Setenv("DOCKER_HOST", "npipe:////./pipe/docker_engine")
		expect("pipe", open("docker-daemon:a", riscv), "named pipes are for Windows only")
	}
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("DOCKER_CONTEXT", "faraway")
	expect("context", open("docker-daemon:a", riscv), `reading docker's context "faraway": `)
}

// TestDaemonContext has a daemon with TLS that a context of docker's
// configuration leads to, as Docker Desktop's does.
func TestDaemonContext(t *testing.T) {
	f := newFixture(t)
	d := f.image(riscv, f.layers...)
	srv := httptest.NewUnstartedServer(newDocker(f, t, d, f.oldSave()))
	srv.Config.ErrorLog = quiet
	srv.StartTLS()
	t.Cleanup(srv.Close)
	host := "tcp://" + strings.TrimPrefix(srv.URL, "https://")
	docker := t.TempDir()
	id := digest([]byte("desktop")).Hex
	write := func(name, content string) {
		name = filepath.Join(docker, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
	write("config.json", `{"currentContext":"desktop"}`)
	write("contexts/meta/"+id+"/meta.json", `{"Name":"desktop","Endpoints":{"docker":{"Host":"`+host+`","SkipTLSVerify":false}}}`)
	write("contexts/tls/"+id+"/docker/ca.pem", ca)
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONFIG", docker)
	check(t, "docker-daemon:me/app:v1", riscv, f.tars)

	// The same by DOCKER_HOST and its kin.
	t.Setenv("DOCKER_HOST", host)
	t.Setenv("DOCKER_TLS_VERIFY", "1")
	t.Setenv("DOCKER_CERT_PATH", filepath.Join(docker, "contexts", "tls", id, "docker"))
	check(t, "docker-daemon:me/app:v1", riscv, f.tars)
	t.Setenv("DOCKER_CERT_PATH", t.TempDir())
	if _, err := Open(t.Context(), "docker-daemon:me/app:v1", riscv, Options{}); err == nil || !strings.Contains(err.Error(), "DOCKER_CERT_PATH names the directory of its ca.pem") {
		t.Errorf("unknown authority: %v", err)
	}
	t.Setenv("DOCKER_TLS_VERIFY", "")
	check(t, "docker-daemon:me/app:v1", riscv, f.tars)
}
