package convert

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/wasm"
)

func infoFile(t testing.TB, i *Info) []byte {
	t.Helper()
	s, err := i.section()
	if err != nil {
		t.Fatal(err)
	}
	m := wasm.Module{Customs: []wasm.Custom{s}}
	return m.Encode()
}

func TestInfo(t *testing.T) {
	in := &Info{
		C2W: "v1", Image: "demo:", Digest: "sha256:00", Platform: "linux/riscv64", Memory: 256 << 20, Writable: 1 << 20,
		Entrypoint: []string{"/bin/sh"}, Cmd: []string{"-c", "a \"b\""}, Env: []string{"A=b"}, Dir: "/x", User: "u",
		StopSignal: "SIGQUIT", Volumes: []string{"/data"}, Ports: []string{"80/tcp"}, Labels: map[string]string{"a": "b"},
		Versions: Versions{Kernel: "6.12", Runc: "1.5.2", Machine: "sha256:00"},
		DiskSize: 4096, Parts: []Part{{"machine", 10}, {"disk", 5}},
	}
	b := infoFile(t, in)
	out, err := ReadInfo(bytes.NewReader(b), int64(len(b)))
	if err != nil || !reflect.DeepEqual(in, out) {
		t.Fatalf("%+v, %v", out, err)
	}
	var sum int64
	for _, p := range out.Shares(100) {
		sum += p.Bytes
	}
	if sum != 100 {
		t.Errorf("the parts add up to %d of 100 bytes", sum)
	}
	if got := strings.Join(out.Command(), "|"); got != `/bin/sh|-c|a "b"` {
		t.Error(got)
	}
	for n := range b {
		if _, err := ReadInfo(bytes.NewReader(b[:n]), int64(n)); err == nil {
			t.Fatalf("cut after %d of %d bytes: no error", n, len(b))
		}
	}
}

func TestInfoRefused(t *testing.T) {
	none := (&wasm.Module{}).Encode()
	newer := bytes.Replace(infoFile(t, &Info{}), []byte(`"format":2`), []byte(`"format":3`), 1)
	broken := bytes.Replace(infoFile(t, &Info{}), []byte(`"format":2`), []byte(`"format"=1`), 1)
	for want, b := range map[string][]byte{
		"was not made by c2w":      none,
		"has format 3":             newer,
		"is damaged":               broken,
		"no complete WebAssembly ": []byte("hello"),
	} {
		if _, err := ReadInfo(bytes.NewReader(b), int64(len(b))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one with %q", err, want)
		}
	}
}

func FuzzReadInfo(f *testing.F) {
	f.Add(infoFile(f, &Info{Image: "demo:", Parts: []Part{{"disk", 1}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if i, err := ReadInfo(bytes.NewReader(b), int64(len(b))); err == nil {
			i.Shares(int64(len(b)))
		}
	})
}
