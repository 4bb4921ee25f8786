package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// registrySource reads from a registry with the credentials of the user's docker
// configuration. Loopback registries are spoken to in plain http.
type registrySource struct {
	ref    name.Reference
	puller *remote.Puller
	root   *remote.Descriptor // what ref led to, so that it is fetched once
}

func openRegistry(s string, _ Options) (store, error) {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "/") {
		return nil, fmt.Errorf("parsing reference %q: this looks like a path: an OCI layout directory is named oci:%s", s, s)
	}
	ref, err := name.ParseReference(s)
	if err != nil {
		return nil, fmt.Errorf("parsing reference %q: %w: write one of %s", s, err, strings.Join(Forms(), ", "))
	}
	p, err := remote.NewPuller(remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent("c2w"))
	if err != nil {
		return nil, fmt.Errorf("preparing to pull %s: %w", ref, err)
	}
	return &registrySource{ref: ref, puller: p}, nil
}

func (r *registrySource) roots(ctx context.Context) ([]v1.Descriptor, error) {
	d, err := r.puller.Get(ctx, r.ref)
	if err != nil {
		return nil, r.explain(err)
	}
	r.root = d
	return []v1.Descriptor{d.Descriptor}, nil
}

func (r *registrySource) manifest(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if r.root != nil && r.root.Digest == d.Digest {
		return io.NopCloser(bytes.NewReader(r.root.Manifest)), nil
	}
	got, err := r.puller.Get(ctx, r.ref.Context().Digest(d.Digest.String()))
	if err != nil {
		return nil, r.explain(err)
	}
	return io.NopCloser(bytes.NewReader(got.Manifest)), nil
}

func (r *registrySource) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if len(d.Data) > 0 {
		return io.NopCloser(bytes.NewReader(d.Data)), nil
	}
	l, err := r.puller.Layer(ctx, r.ref.Context().Digest(d.Digest.String()))
	if err != nil {
		return nil, r.explain(err)
	}
	rc, err := l.Compressed()
	if err != nil {
		return nil, r.explain(err)
	}
	return rc, nil
}

// explain says what a failed request means to the user.
func (r *registrySource) explain(err error) error {
	reg := r.ref.Context().RegistryStr()
	var te *transport.Error
	if errors.As(err, &te) {
		switch te.StatusCode {
		case http.StatusNotFound:
			return fmt.Errorf("registry %s does not have %s: check name and tag: %w", reg, r.ref, err)
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("registry %s refuses %s: check the name, and log in with: docker login %s: %w", reg, r.ref, reg, err)
		case http.StatusTooManyRequests:
			return fmt.Errorf("registry %s limits the rate of requests: wait, or log in with: docker login %s: %w", reg, reg, err)
		}
		return fmt.Errorf("pulling %s: %w", r.ref, err)
	}
	var ue *url.Error
	if errors.As(err, &ue) && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("reaching registry %s: check the network and the registry's name: %w", reg, ue.Err)
	}
	return fmt.Errorf("pulling %s: %w", r.ref, err)
}

func (r *registrySource) close() error { return nil }
