package main

import "testing"

// TestFresh fails when the modules in use have changed.
func TestFresh(t *testing.T) {
	t.Chdir("../../..")
	if err := generate(true); err != nil {
		t.Fatal(err)
	}
}
