// Command machine builds the machine of this tree: from the module's root, go run
// ./internal/make/machine writes .build/machine.wasm, for those who want to look
// into it or change it; with -embed it writes what a c2w that is then built
// carries, for releases.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/c2w/c2w/internal/convert/corename"
	"github.com/c2w/c2w/internal/convert/machinewasm"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/wasm"
)

func main() {
	embed := flag.Bool("embed", false, "write what a c2w built afterwards carries, instead of .build/machine.wasm")
	flag.Parse()
	if err := build(context.Background(), *embed); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func build(ctx context.Context, embed bool) error {
	o := machinewasm.FromEnvironment()
	o.File = ""
	m, err := machinewasm.Find(ctx, o)
	if err != nil {
		return err
	}
	// A module that C2W_MACHINE brings to another c2w says which core it is for.
	name := filepath.Join(".build", "machine.wasm")
	b := wasm.AppendCustom(m.Module, wasm.Custom{Name: corename.Section, Data: []byte(corename.Name(riscv64.Guest))})
	if embed {
		name = filepath.Join("internal", "convert", "machinewasm", "built")
		old, err := filepath.Glob(filepath.Join(name, "*.zst"))
		if err != nil {
			return err
		}
		for _, f := range old {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
		file, packed, err := machinewasm.Pack(m)
		if err != nil {
			return err
		}
		name, b = filepath.Join(name, file), packed
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	// No half-written file is left to a c2w that starts meanwhile.
	beside := fmt.Sprintf("%s.%d.tmp", name, os.Getpid())
	if err := os.WriteFile(beside, b, 0o666); err != nil {
		return err
	}
	if err := os.Rename(beside, name); err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes, SHA-256 %s\n", name, len(b), m.Hash())
	return nil
}
