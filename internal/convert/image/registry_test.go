package image

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

var quiet = log.New(io.Discard, "", 0)

// damage is a registry that flips a bit in one blob.
type damage struct {
	http.Handler
	digest string
}

func (d damage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, d.digest) {
		d.Handler.ServeHTTP(w, r)
		return
	}
	rec := httptest.NewRecorder()
	d.Handler.ServeHTTP(rec, r)
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	b := rec.Body.Bytes()
	b[len(b)/2] ^= 1
	w.Write(b)
}

// TestCredentials has a registry that wants a login, and a docker configuration
// that has it.
func TestCredentials(t *testing.T) {
	f := newFixture(t)
	f.close(f.image(riscv, f.layers[0]))
	inner := registry.New(registry.Logger(quiet))
	locked := false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); locked && (user != "me" || pass != "secret") {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, "first line\nsecond line", http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "http://")
	f.push(host + "/app:v1")
	locked = true

	config := t.TempDir()
	t.Setenv("DOCKER_CONFIG", config)
	_, err := Open(t.Context(), host+"/app:v1", riscv, Options{})
	if want := "refuses " + host + "/app:v1: check the name, and log in with: docker login " + host; err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("without a login: %v, want %q", err, want)
	}
	auth := base64.StdEncoding.EncodeToString([]byte("me:secret"))
	if err := os.WriteFile(filepath.Join(config, "config.json"), []byte(`{"auths":{"`+host+`":{"auth":"`+auth+`"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, host+"/app:v1", riscv, f.tars[:1])
}

// TestToken has a registry that sends its clients to a token server, and
// credentials in each place where docker and podman keep them.
func TestToken(t *testing.T) {
	f := newFixture(t)
	f.close(f.image(riscv, f.layers...))
	h := f.filled()
	var host string
	h.front = func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
		if r.URL.Path == "/token" {
			if user, pass, _ := r.BasicAuth(); user != "me" || pass != "secret" {
				http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"wrong\npassword"}]}`, http.StatusUnauthorized)
				return
			}
			json.NewEncoder(w).Encode(map[string]string{"token": "good"})
			return
		}
		if r.Header.Get("Authorization") != "Bearer good" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+host+`/token",service="test"`)
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}
	ref := serve(t, h)
	host, _, _ = strings.Cut(ref, "/")
	auths := func(key, login string) string {
		return `{"auths":{"` + key + `":{"auth":"` + base64.StdEncoding.EncodeToString([]byte(login)) + `"}}}`
	}
	good := auths(host, "me:secret")
	put := func(t *testing.T, name, content string) string {
		name = filepath.Join(t.TempDir(), name)
		os.MkdirAll(filepath.Dir(name), 0o755)
		if err := os.WriteFile(name, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, set := range map[string]func(t *testing.T) Options{
		"option":   func(t *testing.T) Options { return Options{AuthFile: put(t, "a.json", good)} },
		"variable": func(t *testing.T) Options { t.Setenv("REGISTRY_AUTH_FILE", put(t, "a.json", good)); return Options{} },
		"docker": func(t *testing.T) Options {
			t.Setenv("DOCKER_CONFIG", filepath.Dir(put(t, "config.json", good)))
			return Options{}
		},
		"docker, as URL": func(t *testing.T) Options {
			return Options{AuthFile: put(t, "a.json", auths("https://"+host+"/v1/", "me:secret"))}
		},
		"docker variable": func(t *testing.T) Options { t.Setenv("DOCKER_AUTH_CONFIG", good); return Options{} },
		"podman, run": func(t *testing.T) Options {
			t.Setenv("XDG_RUNTIME_DIR", filepath.Dir(filepath.Dir(put(t, "containers/auth.json", good))))
			return Options{}
		},
		"podman, config": func(t *testing.T) Options {
			t.Setenv("XDG_CONFIG_HOME", filepath.Dir(filepath.Dir(put(t, "containers/auth.json", good))))
			return Options{}
		},
		"podman, repository": func(t *testing.T) Options {
			return Options{AuthFile: put(t, "a.json", strings.Replace(auths(host, "not:me"), "}}}", "},"+auths(host+"/some", "me:secret")[len(`{"auths":{`):], 1))}
		},
		"damaged file before a good one": func(t *testing.T) Options {
			t.Setenv("REGISTRY_AUTH_FILE", put(t, "a.json", "{"))
			t.Setenv("DOCKER_CONFIG", filepath.Dir(put(t, "config.json", good)))
			return Options{}
		},
		"helper": func(t *testing.T) Options {
			if runtime.GOOS == "windows" {
				t.Skip("the helper is a shell script")
			}
			helper := put(t, "docker-credential-c2wtest", "#!/bin/sh\nread host\necho '{\"ServerURL\":\"'$host'\",\"Username\":\"me\",\"Secret\":\"secret\"}'\n")
			t.Setenv("PATH", filepath.Dir(helper)+string(os.PathListSeparator)+os.Getenv("PATH"))
			return Options{AuthFile: put(t, "a.json", `{"credHelpers":{"`+host+`":"c2wtest"}}`)}
		},
	} {
		t.Run(name, func(t *testing.T) { checkWith(t, ref, riscv, f.tars, set(t)) })
	}
	wrong := put(t, "a.json", auths(host, "me:wrong"))
	none := put(t, "a.json", `{"credsStore":"c2w-none"}`)
	for _, c := range []struct{ name, file, want string }{
		{"wrong", wrong, "refuses " + ref + " to the login in " + wrong + ": check the name, and log in again with: docker login " + host},
		{"no helper", none, "asking the credential helper of " + none},
		{"missing", "/none/auth.json", "reading credentials from /none/auth.json: no such file"},
		{"another", put(t, "a.json", auths(host+"/other", "me:secret")), "log in with: docker login " + host},
	} {
		_, err := Open(t.Context(), ref, riscv, Options{AuthFile: c.file})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error is %v, want one with %q", c.name, err, c.want)
		}
	}
	t.Setenv("REGISTRY_AUTH_FILE", "/none/auth.json")
	if _, err := Open(t.Context(), ref, riscv, Options{}); err == nil || !strings.Contains(err.Error(), "; reading credentials from /none/auth.json: no such file") {
		t.Errorf("REGISTRY_AUTH_FILE names nothing: %v", err)
	}
}
