package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const (
	// parallel is how many layers are fetched at a time, as podman and docker do
	// within a factor of two: more is unkind to registries and gains nothing.
	parallel = 4
	// maxFailures ends a download that has failed so often in a row, each time
	// without having got progressBytes further.
	maxFailures   = 5
	progressBytes = 1 << 20
)

// downloads fetches an image's layers into temporary files, in the order of
// their use and ahead of it. They begin when the first layer is opened.
type downloads struct {
	r     *registrySource
	list  []*download // in order, each blob once
	meter *meter

	begin  sync.Once
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newDownloads(r *registrySource, blobs []v1.Descriptor, m *meter) *downloads {
	ds := &downloads{r: r, meter: m, cancel: func() {}}
	for _, d := range blobs {
		if ds.find(d) == nil && len(d.Data) == 0 {
			ds.list = append(ds.list, newDownload(d))
		}
	}
	return ds
}

func (ds *downloads) find(d v1.Descriptor) *download {
	for _, dl := range ds.list {
		if dl.desc.Digest == d.Digest {
			return dl
		}
	}
	return nil
}

// open returns a reader that follows a layer's download, or nil if d is no
// layer. ctx of the first call is that of all downloads.
func (ds *downloads) open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	dl := ds.find(d)
	if dl == nil {
		return nil, nil
	}
	ds.begin.Do(func() { ds.start(ctx) })
	return dl.reader(ctx), nil
}

func (ds *downloads) start(ctx context.Context) {
	ctx, ds.cancel = context.WithCancel(ctx)
	slots := make(chan struct{}, parallel)
	ds.wg.Go(func() {
		for _, dl := range ds.list {
			select {
			case <-ctx.Done():
				dl.finish(context.Cause(ctx))
				continue
			case slots <- struct{}{}:
			}
			ds.wg.Go(func() {
				err := dl.run(ctx, ds)
				<-slots
				dl.finish(err)
			})
		}
	})
}

// close ends what is under way and removes the files.
func (ds *downloads) close() {
	ds.begin.Do(func() {}) // nothing begins any more
	ds.cancel()
	ds.wg.Wait()
	for _, dl := range ds.list {
		if dl.file != nil {
			dl.file.Close()
		}
	}
}

// download is one blob on its way.
type download struct {
	desc v1.Descriptor

	mu   sync.Mutex
	more *sync.Cond // of mu: something below has changed
	file *tempFile  // set once
	have int64      // bytes of the blob that are in the file
	done bool
	err  error
}

func newDownload(d v1.Descriptor) *download {
	dl := &download{desc: d}
	dl.more = sync.NewCond(&dl.mu)
	return dl
}

func (dl *download) finish(err error) {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	dl.done, dl.err = true, err
	dl.more.Broadcast()
}

// run fetches the blob, with pauses after failures that may pass.
func (dl *download) run(ctx context.Context, ds *downloads) error {
	file, err := newTempFile(ds.r.opts.TempDir)
	if err != nil {
		return err
	}
	dl.mu.Lock()
	dl.file = file
	dl.mu.Unlock()
	pause := retryBackoff.Duration
	for failures, last := 0, int64(0); ; {
		err := dl.attempt(ctx, ds)
		if err == nil {
			return nil
		}
		if dl.have-last >= progressBytes {
			failures, pause = 0, retryBackoff.Duration
		}
		last = dl.have
		var answer *transport.Error // the transport has tried that again already
		if failures++; failures >= maxFailures || !transient(err) || errors.As(err, &answer) || ctx.Err() != nil {
			return ds.r.explain(ctx, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// attempt fetches what is missing.
func (dl *download) attempt(ctx context.Context, ds *downloads) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(stallTime, func() { cancel(errStalled) })
	defer alarm.Stop()
	cause := func(err error) error {
		if errors.Is(context.Cause(ctx), errStalled) {
			return errStalled
		}
		return err
	}
	resp, err := ds.r.get(ctx, dl.desc, dl.have)
	if err != nil {
		return cause(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK && dl.have > 0 {
		// The registry knows no ranges.
		if _, err := io.CopyN(io.Discard, resp.Body, dl.have); err != nil {
			return cause(unexpected(err))
		}
	}
	for buf := make([]byte, 128<<10); ; {
		n, err := resp.Body.Read(buf)
		alarm.Reset(stallTime)
		// One byte too many is enough to tell that the blob is wrong.
		n = int(min(int64(n), dl.desc.Size+1-dl.have))
		if n > 0 {
			if _, err := dl.file.WriteAt(buf[:n], dl.have); err != nil {
				return fmt.Errorf("writing a temporary file: %w", err)
			}
			ds.meter.add(int64(n))
			dl.mu.Lock()
			dl.have += int64(n)
			dl.more.Broadcast()
			dl.mu.Unlock()
		}
		switch {
		case err == io.EOF && dl.have < dl.desc.Size:
			return io.ErrUnexpectedEOF
		case err == io.EOF || dl.have > dl.desc.Size:
			return nil
		case err != nil:
			return cause(err)
		}
	}
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// reader returns the blob as it comes in.
func (dl *download) reader(ctx context.Context) io.ReadCloser {
	stop := context.AfterFunc(ctx, func() {
		dl.mu.Lock()
		defer dl.mu.Unlock()
		dl.more.Broadcast()
	})
	return &follower{dl: dl, ctx: ctx, stop: stop}
}

// follower reads a download from its beginning.
type follower struct {
	dl   *download
	ctx  context.Context
	stop func() bool
	at   int64
}

func (f *follower) Read(p []byte) (int, error) {
	n, err := f.wait()
	if n == 0 || err != nil {
		return 0, err
	}
	m, err := f.dl.file.ReadAt(p[:min(int64(len(p)), n)], f.at)
	f.at += int64(m)
	return m, err
}

// wait returns how many bytes can be read without waiting, 0 only with an error.
func (f *follower) wait() (int64, error) {
	f.dl.mu.Lock()
	defer f.dl.mu.Unlock()
	for {
		switch {
		case f.ctx.Err() != nil:
			return 0, context.Cause(f.ctx)
		case f.dl.have > f.at:
			return f.dl.have - f.at, nil
		case f.dl.err != nil:
			return 0, f.dl.err
		case f.dl.done:
			return 0, io.EOF
		}
		f.dl.more.Wait()
	}
}

func (f *follower) Close() error {
	f.stop()
	return nil
}
