package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// registrySource reads from a registry (OCI distribution-spec 1.1) with the
// credentials of the user's docker and podman logins. Manifests and
// configurations are fetched one by one, layers several at a time and ahead of
// their use: see downloads.
type registrySource struct {
	ref    name.Reference
	opts   Options
	logins logins
	client *http.Client // knows the registry's scheme and has logged in
	puller *remote.Puller
	root   *remote.Descriptor // what ref led to, so that it is fetched once
	layers *downloads
}

// openRegistry opens [docker://][REGISTRY/]NAME[:TAG][@DIGEST].
func openRegistry(ctx context.Context, q request) (*Image, error) {
	r := &registrySource{opts: q.Options}
	options := []name.Option{}
	if q.Insecure {
		options = append(options, name.Insecure)
	}
	var err error
	if r.ref, err = name.ParseReference(q.rest, options...); err != nil {
		return nil, fmt.Errorf("parsing reference %q: %w: see c2w --help for what names an image", q.ref, err)
	}
	if err := r.login(ctx); err != nil {
		return nil, err
	}
	img, err := load(ctx, r, q)
	if err != nil {
		return nil, err
	}
	var blobs []v1.Descriptor
	for i := range img.Layers {
		blobs = append(blobs, img.Layers[i].desc)
	}
	// Downloads run ahead of the reading, and are the slower part.
	r.layers = newDownloads(r, blobs, newMeter(q.Progress))
	for i := range img.Layers {
		r.layers.meter.expect(img.Layers[i].Size)
		img.Layers[i].meter = nil
	}
	return img, nil
}

// login finds credentials and asks the registry how it wants them.
func (r *registrySource) login(ctx context.Context) (err error) {
	repo := r.ref.Context()
	if r.logins, err = findLogins(repo, r.opts); err != nil {
		return err
	}
	tls, err := tlsConfig(repo.RegistryStr(), r.opts)
	if err != nil {
		return err
	}
	base := remote.DefaultTransport.(*http.Transport).Clone()
	base.TLSClientConfig = tls
	base.ResponseHeaderTimeout = stallTime
	var t http.RoundTripper = &guard{base, r.opts.Insecure}
	t = transport.NewUserAgent(transport.NewRetry(t, transport.WithRetryBackoff(retryBackoff),
		transport.WithRetryPredicate(transient), transport.WithRetryStatusCodes(transientStatus...)), "c2w")
	if t, err = transport.NewWithContext(ctx, repo.Registry, r.logins.auth, t, []string{r.ref.Scope(transport.PullScope)}); err != nil {
		return r.explain(ctx, err)
	}
	r.client = &http.Client{Transport: t, CheckRedirect: checkRedirect}
	r.puller, err = remote.NewPuller(remote.WithTransport(t))
	return err
}

func (r *registrySource) roots(ctx context.Context) ([]v1.Descriptor, error) {
	d, err := r.puller.Get(ctx, r.ref)
	if err != nil {
		return nil, r.explain(ctx, err)
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
		return nil, r.explain(ctx, err)
	}
	return io.NopCloser(bytes.NewReader(got.Manifest)), nil
}

func (r *registrySource) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if len(d.Data) > 0 {
		return io.NopCloser(bytes.NewReader(d.Data)), nil
	}
	if r.layers != nil {
		if rc, err := r.layers.open(ctx, d); rc != nil || err != nil {
			return rc, err
		}
	}
	resp, err := r.get(ctx, d, 0)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	return resp.Body, nil
}

// get asks for a blob from a byte on. The answer may begin at 0 instead.
func (r *registrySource) get(ctx context.Context, d v1.Descriptor, from int64) (*http.Response, error) {
	reg := r.ref.Context().Registry
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		fmt.Sprintf("%s://%s/v2/%s/blobs/%s", reg.Scheme(), reg.RegistryStr(), r.ref.Context().RepositoryStr(), d.Digest), nil)
	if err != nil {
		return nil, err
	}
	// What is asked for has a digest: nobody may compress it on the way.
	req.Header.Set("Accept-Encoding", "identity")
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, d.Size-1)) // an open end is more than some registries know
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	if err := transport.CheckError(resp, http.StatusOK, http.StatusPartialContent); err != nil {
		resp.Body.Close()
		return nil, err
	}
	if resp.StatusCode == http.StatusPartialContent && !strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", from)) {
		resp.Body.Close()
		return nil, fmt.Errorf("the registry sends the range %q, not what begins at %d", resp.Header.Get("Content-Range"), from)
	}
	return resp, nil
}

func (r *registrySource) close() error {
	if r.layers != nil {
		r.layers.close()
	}
	r.client.CloseIdleConnections()
	return nil
}
