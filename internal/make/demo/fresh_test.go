package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/demo"
)

// TestFresh rebuilds demo.zip from the BusyBox in it and from lock.json: what is
// committed is what is made today, from the locked program.
func TestFresh(t *testing.T) {
	var lock Lock
	raw, err := os.ReadFile("../../../demo/lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &lock); err != nil {
		t.Fatal(err)
	}
	files := layerFiles(t)
	busybox, copyright := files["bin/busybox"], files["usr/share/doc/busybox-static/copyright"]
	if sum := sha256.Sum256(busybox); hex.EncodeToString(sum[:]) != lock.Busybox {
		t.Fatalf("the BusyBox in demo.zip is not that of lock.json: run demo/build.sh")
	}
	zip, err := Pack(lock, busybox, copyright)
	if err != nil {
		t.Fatal(err)
	}
	layout, err := os.ReadFile("../../../demo/demo.zip")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(zip, layout) {
		t.Error("demo.zip is not what this command makes: run demo/build.sh")
	}
	if len(layout) > 1500<<10 {
		t.Errorf("demo.zip has %d bytes, more than 1.5 MB", len(layout))
	}
}

// layerFiles reads the regular files of the image's one layer.
func layerFiles(t *testing.T) map[string][]byte {
	t.Helper()
	fsys, err := demo.Layout()
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	blob := func(h v1.Hash) []byte { return read("blobs/" + h.Algorithm + "/" + h.Hex) }
	idx, err := v1.ParseIndexManifest(bytes.NewReader(read("index.json")))
	if err != nil || len(idx.Manifests) != 1 {
		t.Fatalf("index.json: %v, %v", idx, err)
	}
	m, err := v1.ParseManifest(bytes.NewReader(blob(idx.Manifests[0].Digest)))
	if err != nil || len(m.Layers) != 1 {
		t.Fatalf("manifest: %v, %v", m, err)
	}
	z, err := gzip.NewReader(bytes.NewReader(blob(m.Layers[0].Digest)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}
