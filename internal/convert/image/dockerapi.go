package image

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// dockerAPI speaks with a docker daemon, or podman's service for docker's clients.
// The official client (github.com/moby/moby/client) would bring 17 modules,
// OpenTelemetry among them, for two GET requests.
type dockerAPI struct {
	host   string // as the user names it, for errors
	base   url.URL
	client *http.Client
}

// endpoint is where a daemon listens, and how to speak TLS with it.
type endpoint struct {
	host       string // as in DOCKER_HOST
	certs      string // directory of ca.pem, cert.pem, key.pem; "" without
	skipVerify bool
}

// findDocker decides as docker's command does: DOCKER_HOST, then the context
// that DOCKER_CONTEXT or docker's configuration names, then the system's place.
func findDocker() (endpoint, error) {
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		ep := endpoint{host: host}
		verify, certs := os.Getenv("DOCKER_TLS_VERIFY") != "", os.Getenv("DOCKER_CERT_PATH")
		if certs != "" || verify {
			ep.certs, ep.skipVerify = cmp.Or(certs, dockerDir()), !verify
		}
		return ep, nil
	}
	name := os.Getenv("DOCKER_CONTEXT")
	if name == "" {
		if cf, err := readAuthFile(dockerConfig()); err == nil {
			name = cf.CurrentContext
		}
	}
	if name == "" || name == "default" {
		return endpoint{host: defaultDocker}, nil
	}
	// Docker keeps contexts in directories named by the hash of their names.
	id := digest([]byte(name)).Hex
	file := filepath.Join(dockerDir(), "contexts", "meta", id, "meta.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		return endpoint{}, fmt.Errorf("reading docker's context %q: %w: docker context ls lists what there is", name, err)
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(raw, &meta); err != nil {
		return endpoint{}, fmt.Errorf("reading docker's context %q: parsing %s: %w", name, file, err)
	}
	d, ok := meta.Endpoints["docker"]
	if !ok || d.Host == "" {
		return endpoint{host: defaultDocker}, nil
	}
	ep := endpoint{host: d.Host, skipVerify: d.SkipTLSVerify}
	if dir := filepath.Join(dockerDir(), "contexts", "tls", id, "docker"); isDir(dir) {
		ep.certs = dir
	}
	return ep, nil
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func dialDocker(Options) (*dockerAPI, error) {
	ep, err := findDocker()
	if err != nil {
		return nil, err
	}
	scheme, addr, ok := strings.Cut(ep.host, "://")
	if !ok || addr == "" {
		return nil, fmt.Errorf("docker's host %q is not of the form unix://PATH or tcp://HOST:PORT: see DOCKER_HOST", ep.host)
	}
	e := &dockerAPI{host: ep.host, base: url.URL{Scheme: "http", Host: "docker"}}
	t := &http.Transport{DisableCompression: true, MaxIdleConns: 2, TLSHandshakeTimeout: stallTime}
	e.client = &http.Client{Transport: t}
	switch scheme {
	case "unix":
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", addr)
		}
	case "npipe":
		pipe := strings.ReplaceAll(addr, "/", `\`)
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialPipe(ctx, pipe) }
	case "tcp", "http", "https":
		e.base.Host, e.base.Path, _ = strings.Cut(addr, "/")
		if e.base.Path != "" {
			e.base.Path = "/" + strings.TrimSuffix(e.base.Path, "/")
		}
		t.Proxy = http.ProxyFromEnvironment
		if ep.certs != "" || scheme == "https" {
			e.base.Scheme = "https"
			if t.TLSClientConfig, err = ep.tls(); err != nil {
				return nil, err
			}
		}
	case "ssh":
		return nil, fmt.Errorf("docker's host %s is reached by ssh, which c2w does not speak: docker save -o FILE NAME, then docker-archive:FILE", ep.host)
	default:
		return nil, fmt.Errorf("docker's host %s has the scheme %q, and c2w speaks unix, tcp and npipe: see DOCKER_HOST", ep.host, scheme)
	}
	return e, nil
}

// tls reads the files that docker's command reads.
func (ep endpoint) tls() (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: ep.skipVerify, MinVersion: tls.VersionTLS12}
	if ep.certs == "" {
		return c, nil
	}
	if pem, err := os.ReadFile(filepath.Join(ep.certs, "ca.pem")); err == nil {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading docker's certificates: %s has none in PEM form", filepath.Join(ep.certs, "ca.pem"))
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading docker's certificates: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(ep.certs, "cert.pem"), filepath.Join(ep.certs, "key.pem"))
	if err == nil {
		c.Certificates = []tls.Certificate{pair}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading docker's certificates: %w", err)
	}
	return c, nil
}

// apiError is an answer that is not the one hoped for.
type apiError struct {
	code    int
	message string
}

func (e *apiError) Error() string {
	return fmt.Sprintf("docker answers %d %s: %s", e.code, http.StatusText(e.code), e.message)
}

// get asks for a path of the API, in the daemon's own version of it.
func (e *dockerAPI) get(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	u := e.base
	u.Path += path
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "c2w")
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, e.explain(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	var said struct{ Message string }
	if json.Unmarshal(raw, &said) != nil || said.Message == "" {
		said.Message = string(raw)
	}
	return nil, &apiError{resp.StatusCode, said.Message}
}

// explain says what a failed request means to the user.
func (e *dockerAPI) explain(ctx context.Context, err error) error {
	var unknown x509.UnknownAuthorityError
	switch {
	case isCancelled(ctx, err):
		return fmt.Errorf("asking docker: %w", context.Canceled)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("there is no docker daemon at %s: start it, or name another with DOCKER_HOST: %w", e.host, withoutURL(err))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("docker's daemon at %s is not for this user: run c2w as one of the group docker, or use docker save and docker-archive:FILE: %w", e.host, withoutURL(err))
	case errors.As(err, &unknown):
		return fmt.Errorf("docker's daemon at %s has a certificate of an unknown authority: DOCKER_CERT_PATH names the directory of its ca.pem", e.host)
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		return fmt.Errorf("asking docker at %s: %w", e.host, ue.Err)
	}
	return err
}

func (e *dockerAPI) close() { e.client.CloseIdleConnections() }
