package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/c2w/c2w/internal/convert/machinewasm"
)

// machineOptions say where the machine for converted files may come from.
func machineOptions() machinewasm.Options {
	return machinewasm.Options{File: os.Getenv(machinewasm.Variable), Dir: cacheDir(machineCache)}
}

// findMachine returns the machine for converted files. A c2w that does not carry
// it builds it when it is first asked for, which takes long enough to be told.
func (c *conversionFlags) findMachine(inv *invocation) (*machinewasm.Machine, error) {
	o := machineOptions()
	if !c.quiet {
		o.Building = func(goVersion string) {
			kept := "; " + cacheVariable + "=off keeps nothing"
			if o.Dir != "" {
				kept = ", once for this version of c2w"
			}
			fmt.Fprintf(inv.stderr, "c2w: building the machine with %s%s\n", goVersion, kept)
		}
	}
	m, err := machinewasm.Find(inv.ctx, o)
	if err != nil {
		return nil, err
	}
	if m.Origin == machinewasm.Built {
		cache, err := openCache(machineCache)
		if err != nil {
			return nil, err
		}
		cache.Prune()
	}
	return m, nil
}

// machineOrigin says where the machine comes from, without building it.
func machineOrigin() string {
	o := machineOptions()
	m, err := machinewasm.Look(o)
	switch {
	case err != nil:
		return oneLine(err)
	case m == nil:
		return "built when a conversion first needs it"
	}
	id := fmt.Sprintf("%.12s", m.Hash())
	switch m.Origin {
	case machinewasm.Named:
		return fmt.Sprintf("%s, %s, which %s names", id, m.Path, machinewasm.Variable)
	case machinewasm.Embedded:
		return id + ", in this program"
	}
	return fmt.Sprintf("%s, built earlier, in %s", id, filepath.Dir(m.Path))
}
