package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// daemonSource reads from a docker daemon's store by its Engine API. What the
// image is comes from the daemon's description of it, so that an image that was
// converted before costs one request; its layers come as an archive like docker
// save's, when the first of them is opened.
type daemonSource struct {
	docker *dockerAPI
	req    request
	want   []v1.Hash // the layers' diff IDs
	meter  *meter

	mu     sync.Mutex
	export *Image // what the archive holds
}

// daemonName bounds what becomes a path of the API: names, tags, digests, IDs.
var daemonName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)

// inspected is what c2w reads of GET /images/NAME/json.
type inspected struct {
	ID           string `json:"Id"`
	OS           string `json:"Os"`
	Architecture string
	Variant      string
	Size         int64
	Config       *v1.Config
	RootFS       struct {
		Type   string
		Layers []v1.Hash
	}
}

func (i *inspected) platform() v1.Platform {
	return v1.Platform{OS: i.OS, Architecture: i.Architecture, Variant: i.Variant}
}

// openDaemon opens docker-daemon:NAME.
func openDaemon(ctx context.Context, q request) (*Image, error) {
	if !daemonName.MatchString(q.rest) || slices.Contains(strings.Split(q.rest, "/"), "..") {
		return nil, fmt.Errorf("parsing reference %q: write docker-daemon:NAME:TAG or docker-daemon:ID, as docker images lists them", q.ref)
	}
	e, err := dialDocker(q.Options)
	if err != nil {
		return nil, err
	}
	s := &daemonSource{docker: e, req: q, meter: newMeter(q.Progress)}
	img, err := s.image(ctx)
	if err != nil {
		e.close()
		return nil, err
	}
	return img, nil
}

// image asks for the platform first: daemons with several platforms of an image
// (API 1.49) then describe the right one, others do not know the parameter.
func (s *daemonSource) image(ctx context.Context) (*Image, error) {
	found, err := s.inspect(ctx, platformQuery(s.req.platform))
	var status *apiError
	if errors.As(err, &status) && (status.code == http.StatusNotFound || status.code == http.StatusBadRequest) {
		found, err = s.inspect(ctx, nil)
	}
	if errors.As(err, &status) && status.code == http.StatusNotFound {
		return nil, fmt.Errorf("docker has no image %s: docker images lists what it has, docker pull --platform %s %s may fetch it", s.req.rest, s.req.platform, s.req.rest)
	} else if err != nil {
		return nil, err
	}
	if p := found.platform(); !matches(p, s.req.platform) {
		return nil, fmt.Errorf("docker has image %s for %s only, not for %s: docker pull --platform %s %s may fetch it",
			s.req.rest, p, s.req.platform, s.req.platform, s.req.rest)
	}
	id, err := v1.NewHash(found.ID)
	if err != nil {
		return nil, fmt.Errorf("asking docker for image %s: its ID: %w", s.req.rest, err)
	}
	img := &Image{Ref: s.req.ref, Digest: id, Platform: found.platform(), Size: max(found.Size, 0), free: s.close}
	if found.Config != nil {
		img.Config = *found.Config
	}
	for _, diff := range found.RootFS.Layers {
		img.Layers = append(img.Layers, Layer{Digest: diff, DiffID: diff,
			open: func(ctx context.Context) (io.ReadCloser, error) { return s.openLayer(ctx, diff) }})
	}
	s.want = found.RootFS.Layers
	s.meter.expect(img.Size)
	return img, nil
}

func (s *daemonSource) inspect(ctx context.Context, query url.Values) (*inspected, error) {
	body, err := s.docker.get(ctx, "/images/"+s.req.rest+"/json", query)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, maxConfig))
	if err != nil {
		return nil, s.docker.explain(ctx, err)
	}
	var i inspected
	if err := json.Unmarshal(raw, &i); err != nil {
		return nil, fmt.Errorf("asking docker for image %s: parsing its answer: %w", s.req.rest, err)
	}
	return &i, nil
}

// platformQuery is the parameter platform (Engine API 1.48): an OCI platform.
func platformQuery(p v1.Platform) url.Values {
	b, err := json.Marshal(struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant,omitempty"`
	}{p.OS, p.Architecture, p.Variant})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return url.Values{"platform": {string(b)}}
}

// openLayer opens one of the layers that image has listed.
func (s *daemonSource) openLayer(ctx context.Context, diff v1.Hash) (io.ReadCloser, error) {
	img, err := s.save(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range img.Layers {
		if e.DiffID == diff {
			return e.Open(ctx)
		}
	}
	panic("BUG: a layer that save has not looked for")
}

// save fetches the archive, once.
func (s *daemonSource) save(ctx context.Context) (*Image, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.export != nil {
		return s.export, nil
	}
	img, err := s.fetch(ctx)
	if err != nil {
		return nil, err
	}
	var got []v1.Hash
	for _, l := range img.Layers {
		got = append(got, l.DiffID)
	}
	if !slices.Equal(got, s.want) {
		img.Close()
		return nil, fmt.Errorf("docker sends other layers of image %s than it has listed: the image has changed meanwhile, try again", s.req.rest)
	}
	s.export = img
	return img, nil
}

func (s *daemonSource) fetch(ctx context.Context) (*Image, error) {
	body, err := s.docker.get(ctx, "/images/"+s.req.rest+"/get", platformQuery(s.req.platform))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	t, size, err := spool(ctx, s.req.TempDir, &metered{body, s.meter}, maxStored)
	if err != nil {
		return nil, s.docker.explain(ctx, fmt.Errorf("fetching image %s from docker: %w", s.req.rest, err))
	}
	a := &archive{name: "of " + s.req.rest + " from docker", r: t, close: t.Close}
	if err := a.index(ctx, size); err != nil {
		a.close()
		return nil, fmt.Errorf("reading archive %s: %w", a.name, err)
	}
	q := s.req
	q.Progress = nil
	return a.image(ctx, q, "")
}

func (s *daemonSource) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docker.close()
	if s.export == nil {
		return nil
	}
	return s.export.Close()
}
