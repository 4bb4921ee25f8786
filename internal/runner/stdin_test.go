package runner

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	esys "github.com/tetratelabs/wazero/experimental/sys"
)

func TestPumpPolls(t *testing.T) {
	r, w := io.Pipe()
	p := newPump(r)
	if ready, errno := p.Poll(esys.POLLIN, 0); ready || errno != 0 {
		t.Fatalf("empty: %v %v", ready, errno)
	}
	if ready, errno := p.Poll(esys.POLLIN, 1); ready || errno != 0 {
		t.Fatalf("empty, waiting: %v %v", ready, errno)
	}
	go w.Write([]byte("abc"))
	for range 2 {
		if ready, errno := p.Poll(esys.POLLIN, -1); !ready || errno != 0 {
			t.Fatalf("full: %v %v", ready, errno)
		}
	}
	b := make([]byte, 2)
	if n, err := p.Read(b); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if ready, _ := p.Poll(esys.POLLIN, 0); !ready {
		t.Fatal("the rest is not ready")
	}
	if n, err := p.Read(b); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if ready, _ := p.Poll(esys.POLLIN, 0); ready {
		t.Fatal("ready though all is read")
	}
	w.Close()
	if ready, _ := p.Poll(esys.POLLIN, -1); !ready {
		t.Fatal("the end is not ready")
	}
	for range 2 {
		if n, err := p.Read(b); n != 0 || err != io.EOF {
			t.Fatal(n, err)
		}
	}
	if _, errno := p.Poll(esys.POLLOUT, 0); errno != esys.ENOTSUP {
		t.Fatal(errno)
	}
}

func TestPumpKeepsContent(t *testing.T) {
	content := make([]byte, 1_000_003)
	rand.NewChaCha8([32]byte{}).Read(content)
	broken := errors.New("broken")
	for name, r := range map[string]io.Reader{
		"plain":         bytes.NewReader(content),
		"data with EOF": iotest.DataErrReader(bytes.NewReader(content)),
		"halves":        iotest.HalfReader(bytes.NewReader(content)),
		"then an error": io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)),
	} {
		p := newPump(r)
		var got bytes.Buffer
		_, err := got.ReadFrom(p)
		if name == "then an error" && err == broken {
			err = nil
		}
		if err != nil || !bytes.Equal(got.Bytes(), content) {
			t.Errorf("%s: %d of %d bytes, %v", name, got.Len(), len(content), err)
		}
	}
}
