package main

import (
	"fmt"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"
)

// theImage returns the only image of an OCI layout.
func theImage(dir string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	d := m.Manifests[0].Digest
	if m.Manifests[0].MediaType.IsIndex() {
		if index, err = index.ImageIndex(d); err != nil {
			return nil, err
		}
		if m, err = index.IndexManifest(); err != nil {
			return nil, err
		}
		d = m.Manifests[0].Digest
	}
	return index.Image(d)
}

// findBlob returns the path of one part of the only image of an OCI layout.
func findBlob(dir, part string) (string, error) {
	img, err := theImage(dir)
	if err != nil {
		return "", err
	}
	var h v1.Hash
	switch part {
	case "layer":
		var layers []v1.Layer
		if layers, err = img.Layers(); err == nil {
			h, err = layers[0].Digest()
		}
	case "manifest":
		h, err = img.Digest()
	case "config":
		h, err = img.ConfigName()
	default:
		err = fmt.Errorf("an image has no %s", part)
	}
	return filepath.Join(dir, "blobs", h.Algorithm, h.Hex), err
}

func pushLayout(dir, ref string) error {
	img, err := theImage(dir)
	if err != nil {
		return err
	}
	tag, err := name.NewTag(ref, name.Insecure)
	if err != nil {
		return err
	}
	return remote.Write(tag, img)
}

// ociempty DIR PLATFORM… makes an OCI layout with an index of images that have
// no layers and no command, one for each platform.
func ociEmptyScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ociempty DIR PLATFORM...")
	}
	index := v1.ImageIndex(empty.Index)
	for _, text := range args[1:] {
		p, err := v1.ParsePlatform(text)
		ts.Check(err)
		img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant})
		ts.Check(err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: p}})
	}
	_, err := layout.Write(ts.MkAbs(args[0]), index)
	ts.Check(err)
}
