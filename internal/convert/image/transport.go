package image

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// stallTime is how long a registry may say nothing.
const stallTime = time.Minute

// retryBackoff has the pauses between attempts; tests shorten it.
var retryBackoff = remote.Backoff{Duration: time.Second, Factor: 3, Jitter: 0.1, Steps: 3}

// transientStatus are answers after which another attempt may go well.
var transientStatus = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// transient reports whether another attempt may go well.
func transient(err error) bool {
	var te *transport.Error
	if errors.As(err, &te) {
		return slices.Contains(transientStatus, te.StatusCode)
	}
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout() || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, errStalled)
}

var errStalled = fmt.Errorf("the registry has sent nothing for %v", stallTime)

// errPlainHTTP ends a request that would cross a network in the clear.
var errPlainHTTP = errors.New("plain HTTP is refused")

// guard refuses plain HTTP unless the user allows it or it stays on this
// computer, whoever asks for it: the reference, a redirect, or a login's realm.
type guard struct {
	http.RoundTripper
	insecure bool
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !g.insecure && !isLoopback(req.URL.Hostname()) {
		return nil, errPlainHTTP
	}
	return g.RoundTripper.RoundTrip(req)
}

// isLoopback reports whether a host is this one, as dockerd decides it.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// checkRedirect keeps a registry on the network from sending us to addresses
// that only this computer or its network can reach.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("more than 10 redirects")
	}
	inside := func(host string) bool {
		ip, err := netip.ParseAddr(host)
		ip = ip.Unmap()
		return isLoopback(host) || err == nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())
	}
	if to := req.URL.Hostname(); inside(to) && !inside(via[0].URL.Hostname()) {
		return fmt.Errorf("the registry redirects to %s, an address of this network", to)
	}
	return nil
}

// explain says what a failed request means to the user, and what to do.
func (r *registrySource) explain(ctx context.Context, err error) error {
	reg, ref := r.ref.Context().RegistryStr(), r.ref
	login := "docker login " + reg
	if reg == name.DefaultRegistry {
		login = "docker login"
	}
	var te *transport.Error
	var ue *url.Error
	var unknown x509.UnknownAuthorityError
	var verify *tls.CertificateVerificationError
	// A registry that may speak plain HTTP is asked both ways, and the error is of
	// both: what went wrong with TLS says more.
	switch {
	case isCancelled(ctx, err):
		return fmt.Errorf("pulling %s: %w", ref, context.Canceled)
	case errors.As(err, &unknown):
		return fmt.Errorf("registry %s has a certificate of an unknown authority: name the authority's with --registry-ca FILE, or trust any with --tls-verify=false", reg)
	case errors.As(err, &verify):
		return fmt.Errorf("registry %s has a certificate that is not good: %w: --tls-verify=false trusts it all the same", reg, verify.Err)
	case errors.As(err, &te):
		return r.explainStatus(te, login)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("registry %s speaks plain HTTP: --tls-verify=false allows that", reg)
	case errors.Is(err, errPlainHTTP) && withoutURL(err) != errPlainHTTP:
		return fmt.Errorf("reaching registry %s: %w (plain HTTP was not tried: --tls-verify=false allows it)", reg, withoutURL(err))
	case errors.Is(err, errPlainHTTP):
		return fmt.Errorf("registry %s sends us to plain HTTP, where anybody could listen: --tls-verify=false allows it", reg)
	case errors.As(err, &ue):
		return fmt.Errorf("reaching registry %s: check the network and the registry's name: %w", reg, ue.Err)
	}
	return fmt.Errorf("pulling %s: %w", ref, withoutURL(err))
}

func (r *registrySource) explainStatus(te *transport.Error, login string) error {
	reg, ref := r.ref.Context().RegistryStr(), r.ref
	switch te.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("registry %s does not have %s: check name and tag: %w", reg, ref, te)
	case http.StatusUnauthorized, http.StatusForbidden:
		if r.logins.from != "" {
			return fmt.Errorf("registry %s refuses %s to the login in %s: check the name, and log in again with: %s: %w", reg, ref, r.logins.from, login, te)
		}
		err := fmt.Errorf("registry %s refuses %s: check the name, and log in with: %s: %w", reg, ref, login, te)
		for _, p := range r.logins.problems {
			err = fmt.Errorf("%w; %w", err, p)
		}
		return err
	case http.StatusTooManyRequests:
		return fmt.Errorf("registry %s limits the rate of requests: wait, or log in with: %s: %w", reg, login, te)
	}
	if te.StatusCode >= 500 {
		return fmt.Errorf("registry %s is out of order: try again later: %w", reg, te)
	}
	return fmt.Errorf("pulling %s: %w", ref, te)
}

// withoutURL drops what url.Error puts before an error: URLs may have signatures
// in them, and are long.
func withoutURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}
