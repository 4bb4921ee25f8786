package main

import "testing"

func TestSize(t *testing.T) {
	for text, want := range map[string]size{
		"256m": 256 << 20, "256M": 256 << 20, "256MiB": 256 << 20, "256mb": 256 << 20, "1g": 1 << 30, "1.5g": 3 << 29,
		"65536k": 64 << 20, "1048576": 1 << 20, "1048576b": 1 << 20, " 1 g ": 1 << 30,
	} {
		var s size
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%q: %d, %v; want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "m", "0", "-1m", "1x", "1mm", "4g", "1e99", "nan", "inf", "0x10", "1 m m"} {
		var s size
		if err := s.Set(text); err == nil {
			t.Errorf("%q is taken as %d", text, s)
		}
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{
		"a.wasm": "a.wasm", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'", "/tmp/é": "'/tmp/é'",
	} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
