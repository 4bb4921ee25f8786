package image

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/c2w/c2w/internal/testkit/ocilayout"
)

// skippable is a frame that zstd decoders pass over (RFC 8878, section 3.1.2);
// zstd:chunked has its table of contents in some.
func skippable(content string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0x184d2a50)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
	return append(b, content...)
}

// TestChunked has layers of several compressed pieces, as tools make them that
// want parts of a layer to be readable alone.
func TestChunked(t *testing.T) {
	f := newFixture(t)
	tar := f.tars[2]
	one, two := []byte(tar[:1000]), []byte(tar[1000:])
	var layers []ocilayout.Layer
	for mt, b := range map[types.MediaType][]byte{
		types.OCILayerZStd: bytes.Join([][]byte{zstdOf(one), skippable("table"), zstdOf(two), skippable("footer")}, nil),
		types.OCILayer:     append(gzipped(one), gzipped(two)...),
		dockerZstdLayer:    append(skippable("first"), zstdOf([]byte(tar))...),
		// Media types are wrong too often to be believed.
		types.DockerLayer: zstdOf([]byte(tar)),
	} {
		d, err := f.w.Blob(mt, b)
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, ocilayout.Layer{Desc: d, DiffID: digest([]byte(tar))})
	}
	check(t, f.close(f.image(riscv, layers...)), riscv, []string{tar, tar, tar, tar})
}

// TestWindow has a zstd layer that wants 2 GiB of memory at once.
func TestWindow(t *testing.T) {
	f := newFixture(t)
	// A frame header (RFC 8878, section 3.1.1): no content size, a window of
	// 2 GiB, and a last block of one byte.
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x09, 0x00, 0x00, 'x'}
	d, err := f.w.Blob(types.OCILayerZStd, b)
	if err != nil {
		t.Fatal(err)
	}
	img, err := Open(t.Context(), f.close(f.image(riscv, ocilayout.Layer{Desc: d, DiffID: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}})), riscv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if _, err := readLayer(img.Layers[0]); err == nil || !strings.Contains(err.Error(), "decompressing: window size exceeded") {
		t.Errorf("error is %v", err)
	}
}
