//go:build linux

package main

import (
	"bytes"
	"testing"

	"github.com/c2w/c2w/guest"
)

// TestProfileFresh: the committed profile is one of the committed programs.
func TestProfileFresh(t *testing.T) {
	want, err := notes()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(guest.Profile(), []byte("\n"))
	if !bytes.HasPrefix(rest, want) {
		t.Errorf("guest/profile-riscv64 is of other programs than these: run make profile\n%s", want)
	}
}
