// Command make builds the machine: go run ./internal/convert/machinewasm/make from the
// module's root writes .build/machine.wasm, which C2W_MACHINE can name; with
// -commit it writes what package machinewasm embeds.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/c2w/c2w/internal/convert/machinewasm/recipe"
)

func main() {
	commit := flag.Bool("commit", false, "write what is embedded instead of .build/machine.wasm")
	flag.Parse()
	if err := build(*commit); err != nil {
		fmt.Fprintln(os.Stderr, "building the machine:", err)
		os.Exit(1)
	}
}

func build(commit bool) error {
	module, err := recipe.Build(".")
	if err != nil {
		return err
	}
	if !commit {
		if err := os.MkdirAll(".build", 0o777); err != nil {
			return err
		}
		return replace(filepath.Join(".build", "machine.wasm"), module)
	}
	lock, err := recipe.Inputs(".")
	if err != nil {
		return err
	}
	packed, err := recipe.Pack(module)
	if err != nil {
		return err
	}
	lock.Machine, lock.Size = recipe.Hash(module), len(module)
	lock.Compressed, lock.CompressedSize = recipe.Hash(packed), len(packed)
	text, err := json.MarshalIndent(lock, "", "\t")
	if err != nil {
		return err
	}
	dir := filepath.Join("internal", "convert", "machinewasm", "built")
	if err := replace(filepath.Join(dir, "machine.wasm.zst"), packed); err != nil {
		return err
	}
	fmt.Printf("machine: %d bytes, %d compressed\n", len(module), len(packed))
	return replace(filepath.Join(dir, "lock.json"), append(text, '\n'))
}

// replace leaves no half-written file to a c2w that starts meanwhile.
func replace(name string, b []byte) error {
	beside := fmt.Sprintf("%s.%d.tmp", name, os.Getpid())
	if err := os.WriteFile(beside, b, 0o666); err != nil {
		return err
	}
	return os.Rename(beside, name)
}
