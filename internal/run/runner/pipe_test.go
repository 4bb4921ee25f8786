package runner

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	esys "github.com/tetratelabs/wazero/experimental/sys"
)

func TestPipePolls(t *testing.T) {
	p := newPipe()
	for _, millis := range []int32{0, 1} {
		if ready, errno := p.Poll(esys.POLLIN, millis); ready || errno != 0 {
			t.Fatalf("empty: %v %v", ready, errno)
		}
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := p.Write([]byte("abc"))
		wrote <- err
	}()
	for range 2 {
		if ready, errno := p.Poll(esys.POLLIN, -1); !ready || errno != 0 {
			t.Fatalf("full: %v %v", ready, errno)
		}
	}
	b := make([]byte, 2)
	for _, want := range []string{"ab", "c"} {
		if ready, _ := p.Poll(esys.POLLIN, 0); !ready {
			t.Fatal("the rest is not ready")
		}
		if n, err := p.Read(b); string(b[:n]) != want || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if ready, _ := p.Poll(esys.POLLIN, 0); ready {
		t.Fatal("ready though all is read")
	}
	go func() {
		_, err := p.Write([]byte("never read"))
		wrote <- err
	}()
	p.Poll(esys.POLLIN, -1)
	p.Close()
	p.Close()
	if err := <-wrote; err != io.ErrClosedPipe {
		t.Fatal(err)
	}
	p.have = nil
	if ready, _ := p.Poll(esys.POLLIN, -1); !ready {
		t.Fatal("the end is not ready")
	}
	for range 2 {
		if n, err := p.Read(b); n != 0 || err != io.EOF {
			t.Fatal(n, err)
		}
	}
	if _, err := p.Write([]byte("x")); err != io.ErrClosedPipe {
		t.Fatal(err)
	}
	if _, errno := p.Poll(esys.POLLOUT, 0); errno != esys.ENOTSUP {
		t.Fatal(errno)
	}
}

func TestPipeKeepsContent(t *testing.T) {
	content := make([]byte, 1_000_003)
	rand.NewChaCha8([32]byte{}).Read(content)
	p := newPipe()
	go func() {
		for rest := content; len(rest) > 0; {
			n, err := p.Write(rest[:min(1+len(rest)/3, len(rest))])
			if err != nil {
				t.Error(err)
			}
			rest = rest[n:]
		}
		p.Write(nil)
		p.Close()
	}()
	if got, err := io.ReadAll(p); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d of %d bytes, %v", len(got), len(content), err)
	}
}
