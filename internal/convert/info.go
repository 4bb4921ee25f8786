package convert

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/c2w/c2w/internal/convert/image"
	"github.com/c2w/c2w/internal/wasm"
)

// InfoSection is the name of the custom section that holds an [Info].
const InfoSection = "c2w"

// infoFormat is the version of Info's encoding; readers refuse others.
const infoFormat = 2

// maxInfo bounds what ReadInfo reads of a hostile file, in bytes.
const maxInfo = 1 << 20

// Info says what a file holds. It is for people and tools; the machine reads
// its own manifest.
type Info struct {
	Format int `json:"format"`
	// C2W is the version of the converter.
	C2W string `json:"c2w"`
	// Image is the reference that was converted, Digest that of its manifest.
	Image    string `json:"image"`
	Digest   string `json:"digest"`
	Platform string `json:"platform"`
	// Memory is the guest's, Writable what of it the container's files may
	// take; 0 is half. In bytes.
	Memory   uint32 `json:"memory"`
	Writable uint64 `json:"writable,omitempty"`
	// Entrypoint and what follows up to Labels are the image's.
	Entrypoint []string `json:"entrypoint,omitempty"`
	Cmd        []string `json:"cmd,omitempty"`
	Env        []string `json:"env,omitempty"`
	Dir        string   `json:"dir,omitempty"`
	User       string   `json:"user,omitempty"`
	StopSignal string   `json:"stopSignal,omitempty"`
	// Volumes are paths, Ports as in 80/tcp, both sorted.
	Volumes []string          `json:"volumes,omitempty"`
	Ports   []string          `json:"ports,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	// Versions says what of c2w is in the file.
	Versions Versions `json:"versions"`
	// DiskSize is the root file system's size as the guest sees it, in bytes.
	DiskSize int64 `json:"diskSize"`
	// Parts says what the file's bytes are for. What is not listed is the
	// module's tables and this section.
	Parts []Part `json:"parts"`
}

// info describes the file that the pipeline makes, but for its parts.
func (p *pipeline) info(img *image.Image, parts *Parts, diskSize int64) (*Info, error) {
	v, err := p.versions()
	if err != nil {
		return nil, err
	}
	c := &img.Config
	return &Info{
		C2W: p.o.Version, Image: p.o.Ref, Digest: img.Digest.String(), Platform: p.plat.name,
		Memory: p.o.RAM, Writable: p.o.UpperSize,
		Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, Dir: parts.Manifest.Dir, User: c.User,
		StopSignal: c.StopSignal, Volumes: slices.Sorted(maps.Keys(c.Volumes)), Ports: slices.Sorted(maps.Keys(c.ExposedPorts)),
		Labels: c.Labels, Versions: v, DiskSize: diskSize,
	}, nil
}

// Part is a share of a file.
type Part struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// partNames groups the linker's labels for people. A label that is not listed
// counts as other.
var partNames = []struct{ name, label string }{
	{"machine", "machine code"},
	{"machine", "machine data"},
	{"core", "core code"},
	{"marks", "marks"},
	{"kernel", "kernel"},
	{"init", "init"},
	{"disk", "disk"},
}

// groupParts returns shares by part in the order of partNames.
func groupParts(labelled map[string]int64) []Part {
	var parts []Part
	for _, n := range partNames {
		if k := len(parts); k > 0 && parts[k-1].Name == n.name {
			parts[k-1].Bytes += labelled[n.label]
			continue
		}
		parts = append(parts, Part{n.name, labelled[n.label]})
	}
	return parts
}

// Shares returns the parts of a file of the given size, the remainder as
// "other": they add up to the size.
func (i *Info) Shares(size int64) []Part {
	parts := append([]Part{}, i.Parts...)
	for _, p := range parts {
		size -= p.Bytes
	}
	return append(parts, Part{"other", size})
}

// Command returns the command that the file runs when it is given none; empty
// if the image names none.
func (i *Info) Command() []string {
	return append(append([]string{}, i.Entrypoint...), i.Cmd...)
}

func (i *Info) section() (wasm.Custom, error) {
	i.Format = infoFormat
	b, err := json.Marshal(i)
	if err != nil {
		return wasm.Custom{}, fmt.Errorf("encoding the file's description: %w", err)
	}
	if len(b) > maxInfo {
		return wasm.Custom{}, fmt.Errorf("the image's configuration takes %d bytes, %d fit", len(b), maxInfo)
	}
	return wasm.Custom{Name: InfoSection, Data: b}, nil
}

// ReadInfo reads the description out of a file of the given size. It reads the
// file's section headers, so it notices a file that was cut short.
func ReadInfo(r io.ReaderAt, size int64) (*Info, error) {
	s, err := wasm.OpenCustom(r, size, InfoSection)
	if err != nil {
		return nil, fmt.Errorf("this is no complete WebAssembly file (%w): copy it again or convert the image again", err)
	}
	if s == nil {
		return nil, fmt.Errorf("this WebAssembly file was not made by c2w: it has no section %q", InfoSection)
	}
	if s.Size() > maxInfo {
		return nil, fmt.Errorf("the file's section %q has %d bytes, more than %d: convert the image again", InfoSection, s.Size(), maxInfo)
	}
	b := make([]byte, s.Size())
	if _, err := io.ReadFull(s, b); err != nil {
		return nil, err
	}
	var i Info
	if err := json.Unmarshal(b, &i); err != nil {
		return nil, fmt.Errorf("the file's section %q is damaged (%w): convert the image again", InfoSection, err)
	}
	if i.Format != infoFormat {
		return nil, fmt.Errorf("the file's section %q has format %d, this c2w reads %d: convert the image again", InfoSection, i.Format, infoFormat)
	}
	return &i, nil
}
