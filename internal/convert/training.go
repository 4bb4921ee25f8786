package convert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/c2w/c2w/internal/convert/aot"
	"github.com/c2w/c2w/internal/convert/image"
)

// Trained says what a kept training result is of.
type Trained struct {
	Image    string   // the reference
	Commands []string // none: the image's own
}

// trainingKey names what training with commands finds; without any it is the
// image's own.
func (c *Cache) trainingKey(p *pipeline, img *image.Image) string {
	if c == nil {
		return ""
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d %q %q %q %d %d %q", keyFormat, c.Identity, img.Digest, p.plat.name, p.o.RAM, p.o.UpperSize, p.o.Train)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// training returns the path of what training found.
func (c *Cache) training(key string) string { return filepath.Join(c.Dir, key+".profile") }

// profile returns what training found earlier, or nil.
func (c *Cache) profile(key string) aot.Profile {
	if c == nil || c.Dir == "" {
		return nil
	}
	path := c.training(key)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	p, err := aot.Parse(b)
	if err != nil {
		os.Remove(path)
		return nil
	}
	now := time.Now()
	os.Chtimes(path, now, now) // used last
	return p
}

// keepProfile stores what training found.
func (c *Cache) keepProfile(ctx context.Context, key string, of Trained, p aot.Profile) {
	if c == nil || c.Dir == "" || os.MkdirAll(c.Dir, 0o777) != nil {
		return
	}
	if WriteFile(ctx, c.training(key), bytes.NewReader(of.note(p.Format()))) == nil {
		c.Prune()
	}
}

// Comments of a kept profile that say what it is of, with a quoted string.
const (
	imageNote   = "# image "
	commandNote = "# command "
)

// note adds the comments to a profile, behind its header.
func (t *Trained) note(profile []byte) []byte {
	header, rest, _ := bytes.Cut(profile, []byte("\n"))
	b := append(append([]byte(nil), header...), '\n')
	b = append(append(b, imageNote...), strconv.Quote(t.Image)+"\n"...)
	for _, c := range t.Commands {
		b = append(append(b, commandNote...), strconv.Quote(c)+"\n"...)
	}
	return append(b, rest...)
}

// ReadTrained reads what a kept training result is of.
func ReadTrained(path string) (*Trained, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, reason(err))
	}
	t := &Trained{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		if s, ok := strings.CutPrefix(line, imageNote); ok {
			t.Image, err = strconv.Unquote(s)
		} else if s, ok := strings.CutPrefix(line, commandNote); ok {
			var c string
			c, err = strconv.Unquote(s)
			t.Commands = append(t.Commands, c)
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %q: %w", path, line, err)
		}
	}
	if t.Image == "" {
		return nil, fmt.Errorf("reading %s: it does not say of which image it is", path)
	}
	return t, nil
}
