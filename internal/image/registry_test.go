package image

import (
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
