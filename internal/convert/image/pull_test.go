package image

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
)

func TestMain(m *testing.M) {
	retryBackoff.Duration = time.Millisecond
	// No login of whoever runs the tests takes part.
	none, err := os.MkdirTemp("", "c2w-image-test-")
	if err != nil {
		panic(err)
	}
	for _, v := range []string{"DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "HOME"} {
		os.Setenv(v, none)
	}
	for _, v := range []string{"REGISTRY_AUTH_FILE", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_AUTH_CONFIG"} {
		os.Unsetenv(v)
	}
	code := m.Run()
	os.RemoveAll(none)
	os.Exit(code)
}

// hub is a registry with the fixture's image as some/app:v1, between which and
// the client a test stands.
type hub struct {
	inner http.Handler
	front func(w http.ResponseWriter, r *http.Request, inner http.Handler)
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.front != nil {
		h.front(w, r, h.inner)
		return
	}
	h.inner.ServeHTTP(w, r)
}

// filled makes a hub and pushes the fixture to it.
func (f *fixture) filled() *hub {
	h := &hub{inner: registry.New(registry.Logger(quiet))}
	srv := httptest.NewServer(h)
	defer srv.Close()
	f.push(strings.TrimPrefix(srv.URL, "http://") + "/some/app:v1")
	return h
}

// serve serves a hub on the loopback interface and returns the image's name.
func serve(t *testing.T, h *hub) string {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://") + "/some/app:v1"
}

func isLayer(f *fixture, r *http.Request) bool {
	for _, l := range f.layers {
		if strings.HasSuffix(r.URL.Path, l.Desc.Digest.String()) {
			return true
		}
	}
	return false
}

func TestDigests(t *testing.T) {
	f := newFixture(t)
	d := f.index(f.image(riscv, f.layers...), f.image(amd, f.layers[0]))
	f.w.Add(d, "latest")
	f.w.Close()
	h := &hub{inner: registry.New(registry.Logger(quiet))}
	ref := serve(t, h)
	f.push(ref)
	repo := strings.TrimSuffix(ref, ":v1")
	// The fixture's index.json is an index itself, of which d is a part.
	check(t, repo+"@"+d.Digest.String(), riscv, f.tars)
	check(t, repo+":v1@"+d.Digest.String(), amd, f.tars[:1])
	check(t, "docker://"+ref, riscv, f.tars)
}

func TestSelfSigned(t *testing.T) {
	f := newFixture(t)
	f.close(f.image(riscv, f.layers...))
	srv := httptest.NewUnstartedServer(f.filled())
	srv.Config.ErrorLog = quiet
	srv.StartTLS()
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "https://")
	ref := host + "/some/app:v1"
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, ca, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), ref, riscv, Options{})
	if want := "registry " + host + " has a certificate of an unknown authority: name the authority's with --registry-ca FILE, or trust any with --tls-verify=false"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("without a flag: %v, want %q", err, want)
	}
	checkWith(t, ref, riscv, f.tars, Options{Insecure: true})
	checkWith(t, ref, riscv, f.tars, Options{CAFile: file})
	for name, want := range map[string]string{
		filepath.Join(f.dir, "none"):       "reading certificate authorities from " + filepath.Join(f.dir, "none") + ": no such file",
		filepath.Join(f.dir, "oci-layout"): "has no certificate in PEM form",
	} {
		if _, err := Open(t.Context(), ref, riscv, Options{CAFile: name}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	// As podman and docker keep it.
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	dir := filepath.Join(config, "containers", "certs.d", host)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Skipf("this file system has no such names: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), ca, 0o644); err != nil {
		t.Fatal(err)
	}
	check(t, ref, riscv, f.tars)
}

// TestPlainHTTP has a registry that is not on the loopback interface.
func TestPlainHTTP(t *testing.T) {
	host := ""
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			host = n.IP.String()
		}
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if host == "" || err != nil {
		t.Skipf("no interface but loopback: %v", err)
	}
	f := newFixture(t)
	f.close(f.image(riscv, f.layers...))
	srv := httptest.NewUnstartedServer(f.filled())
	srv.Listener.Close()
	srv.Listener = l
	srv.Start()
	t.Cleanup(srv.Close)
	ref := strings.TrimPrefix(srv.URL, "http://") + "/some/app:v1"
	if _, err := Open(t.Context(), ref, riscv, Options{}); err == nil || !strings.Contains(err.Error(), "speaks plain HTTP: --tls-verify=false allows that") {
		t.Errorf("without a flag: %v", err)
	}
	checkWith(t, ref, riscv, f.tars, Options{Insecure: true})
}

func TestGuard(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "127.8.9.10": true, "::1": true, "::ffff:127.0.0.1": true,
		"10.0.0.1": false, "example.test": false, "localhost.example.test": false, "": false} {
		if got := isLoopback(host); got != want {
			t.Errorf("isLoopback(%q) = %v", host, got)
		}
	}
	from := func(s string) *http.Request { u, _ := url.Parse(s); return &http.Request{URL: u} }
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"https://registry.test/a", "https://cdn.test/a", true},
		{"https://registry.test/a", "https://169.254.169.254/a", false},
		{"https://registry.test/a", "https://10.1.1.1/a", false},
		{"https://registry.test/a", "https://[::1]/a", false},
		{"https://registry.test/a", "https://localhost/a", false},
		{"https://10.0.0.1/a", "https://10.1.1.1/a", true},
		{"http://127.0.0.1:5000/a", "http://127.0.0.1:5001/a", true},
	} {
		if err := checkRedirect(from(c.to), []*http.Request{from(c.from)}); (err == nil) != c.ok {
			t.Errorf("%s to %s: %v", c.from, c.to, err)
		}
	}
}

// TestExplain has errors that need another network to come about. A registry
// that may speak plain HTTP gives two errors at once.
func TestExplain(t *testing.T) {
	ref, _ := name.ParseReference("10.0.0.1/app:v1")
	r := &registrySource{ref: ref}
	wrap := func(err error) error { return &url.Error{Op: "Get", URL: "https://10.0.0.1/v2/?secret", Err: err} }
	unknown := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.Join(wrap(unknown), wrap(errPlainHTTP)), "has a certificate of an unknown authority: name the authority's with --registry-ca FILE"},
		{errors.Join(wrap(&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}), wrap(errPlainHTTP)), "has a certificate that is not good: x509: certificate has expired"},
		{errors.Join(wrap(http.ErrSchemeMismatch), wrap(errPlainHTTP)), "speaks plain HTTP: --tls-verify=false allows that"},
		{errors.Join(wrap(syscall.ECONNREFUSED), wrap(errPlainHTTP)), "reaching registry 10.0.0.1: connection refused (plain HTTP was not tried: --tls-verify=false allows it)"},
		{wrap(errPlainHTTP), "sends us to plain HTTP"},
		{wrap(syscall.ECONNREFUSED), "reaching registry 10.0.0.1: check the network and the registry's name: connection refused"},
		{errStalled, "pulling 10.0.0.1/app:v1: the registry has sent nothing for 1m0s"},
		{wrap(context.Canceled), "pulling 10.0.0.1/app:v1: context canceled"},
	} {
		if err := r.explain(t.Context(), c.err); !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v is explained as %v, want %q", c.err, err, c.want)
		}
	}
}

// TestFlaky has a registry that answers badly before it answers well.
func TestFlaky(t *testing.T) {
	for name, ranges := range map[string]bool{"with ranges": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.close(f.image(riscv, f.layers...))
			h := f.filled()
			var mu sync.Mutex
			asked := map[string]int{}
			h.front = func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
				mu.Lock()
				asked[r.URL.Path]++
				n := asked[r.URL.Path]
				mu.Unlock()
				if n == 1 {
					http.Error(w, "busy", http.StatusServiceUnavailable)
					return
				}
				if !isLayer(f, r) || n > 4 {
					if !ranges {
						r.Header.Del("Range")
					}
					inner.ServeHTTP(w, r)
					return
				}
				rec := httptest.NewRecorder()
				plain := r.Clone(r.Context())
				plain.Header.Del("Range")
				inner.ServeHTTP(rec, plain)
				body := rec.Body.Bytes()
				w.Header().Set("Content-Length", fmt.Sprint(len(body)))
				if from := 0; ranges && r.Header.Get("Range") != "" {
					fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
					body = body[from:]
					w.Header().Set("Content-Length", fmt.Sprint(len(body)))
					w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+len(body)-1, from+len(body)))
					w.WriteHeader(http.StatusPartialContent)
				}
				w.Write(body[:len(body)/2]) // and the connection breaks
			}
			ref := serve(t, h)
			temp := t.TempDir()
			var done, total atomic.Int64
			checkWith(t, ref, riscv, f.tars, Options{TempDir: temp, Progress: func(d, of int64) { done.Store(d); total.Store(of) }})
			if done.Load() != total.Load() || total.Load() == 0 {
				t.Errorf("progress: %d of %d", done.Load(), total.Load())
			}
			if list, _ := os.ReadDir(temp); len(list) > 0 {
				t.Errorf("left behind: %v", list)
			}
		})
	}
}

func TestBroken(t *testing.T) {
	f := newFixture(t)
	f.close(f.image(riscv, f.layers...))
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   string
	}{
		"always busy": {func(w http.ResponseWriter) { http.Error(w, "busy", http.StatusBadGateway) }, "is out of order: try again later"},
		"gone":        {func(w http.ResponseWriter) { http.Error(w, "", http.StatusNotFound) }, "does not have"},
		"never whole": {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "9"); w.Write([]byte("x")) }, "unexpected EOF"},
		"too long":    {func(w http.ResponseWriter) { io.CopyN(w, zeros{}, 1<<20) }, "the content is longer than"},
		"another":     {func(w http.ResponseWriter) { io.CopyN(w, zeros{}, f.layers[0].Desc.Size) }, "the content has the digest"},
	} {
		t.Run(name, func(t *testing.T) {
			h := f.filled()
			h.front = func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
				if strings.HasSuffix(r.URL.Path, f.layers[0].Desc.Digest.String()) {
					c.answer(w)
					return
				}
				inner.ServeHTTP(w, r)
			}
			temp := t.TempDir()
			img, err := Open(t.Context(), serve(t, h), riscv, Options{TempDir: temp})
			if err != nil {
				t.Fatal(err)
			}
			_, err = readLayer(img.Layers[0])
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "reading layer "+f.layers[0].Desc.Digest.String()) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
			if got, err := readLayer(img.Layers[1]); err != nil || got != f.tars[1] {
				t.Errorf("another layer: %d bytes, %v", len(got), err)
			}
			img.Close()
			if list, _ := os.ReadDir(temp); len(list) > 0 {
				t.Errorf("left behind: %v", list)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestParallel has a registry that answers no layer before all are asked for.
func TestParallel(t *testing.T) {
	f := newFixture(t)
	f.close(f.image(riscv, f.layers...))
	h := f.filled()
	var all sync.WaitGroup
	all.Add(len(f.layers))
	h.front = func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
		if r.Method == http.MethodGet && isLayer(f, r) {
			all.Done()
			all.Wait()
		}
		inner.ServeHTTP(w, r)
	}
	check(t, serve(t, h), riscv, f.tars)
}

// TestPullCancelled stops while a registry is silent.
func TestPullCancelled(t *testing.T) {
	f := newFixture(t)
	f.close(f.image(riscv, f.layers...))
	h := f.filled()
	silent := make(chan struct{}, 10)
	h.front = func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
		if isLayer(f, r) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			silent <- struct{}{}
			<-r.Context().Done()
			return
		}
		inner.ServeHTTP(w, r)
	}
	temp := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	img, err := Open(ctx, serve(t, h), riscv, Options{TempDir: temp})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-silent
		cancel()
	}()
	rc, err := img.Layers[0].Open(ctx)
	if err == nil {
		_, err = io.ReadAll(rc)
		rc.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	img.Close()
	if list, _ := os.ReadDir(temp); len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
}

// TestManifestKinds has manifests that are none of an image that can be
// converted.
func TestManifestKinds(t *testing.T) {
	f := newFixture(t)
	f.close(f.image(riscv, f.layers...))
	h := f.filled()
	kind, manifest := "", ""
	h.front = func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			w.Header().Set("Content-Type", kind)
			io.WriteString(w, manifest)
			return
		}
		inner.ServeHTTP(w, r)
	}
	ref := serve(t, h)
	m := f.manifest(f.image(riscv, f.layers...))
	with := func(change string) string {
		b, _ := json.Marshal(m)
		return strings.Replace(string(b), string(m.Layers[0].MediaType), change, 1)
	}
	for _, c := range []struct{ kind, manifest, want string }{
		{"application/vnd.docker.distribution.manifest.v1+prettyjws", `{"schemaVersion":1}`, "is a manifest of Docker's schema 1, out of use since 2019: have it converted with skopeo copy --format v2s2"},
		{"application/vnd.docker.distribution.manifest.v1+json", `{"schemaVersion":1}`, "is a manifest of Docker's schema 1"},
		{"text/html", "<html>", `has the media type "text/html", which is not an image`},
		{"application/vnd.oci.image.manifest.v1+json", with("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), "is a foreign one"},
		{"application/vnd.oci.image.manifest.v1+json", with("application/vnd.oci.image.layer.nondistributable.v1.tar"), "is a foreign one"},
		{"application/vnd.oci.image.manifest.v1+json", with("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), "is encrypted: decrypt the image first"},
		{"application/vnd.oci.image.manifest.v1+json", strings.Replace(with(string(m.Layers[0].MediaType)), fmt.Sprintf(`"size":%d`, m.Layers[0].Size), `"size":99999999999999`, 1), "larger than the 32 GiB that c2w reads"},
	} {
		kind, manifest = c.kind, c.manifest
		if _, err := Open(t.Context(), ref, riscv, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.kind, err, c.want)
		}
	}
	// Docker's own kinds of the same.
	kind = "application/vnd.docker.distribution.manifest.v2+json"
	manifest = strings.NewReplacer("application/vnd.oci.image.manifest.v1+json", kind,
		"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
		"application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip",
		"application/vnd.oci.image.layer.v1.tar+zstd", dockerZstdLayer).Replace(with(string(m.Layers[0].MediaType)))
	check(t, ref, riscv, f.tars)
}

// TestRepeatedLayer has one layer twice, as empty ones often are.
func TestRepeatedLayer(t *testing.T) {
	f := newFixture(t)
	l := f.layers
	f.close(f.image(riscv, l[1], l[0], l[1]))
	check(t, serve(t, f.filled()), riscv, []string{f.tars[1], f.tars[0], f.tars[1]})
}
