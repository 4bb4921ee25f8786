package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

const versionHelp = `c2w version

Prints c2w's version and that of the Go that built it.
`

func versionCommand(inv *invocation, args []string) (int, error) {
	fs := newFlags(inv, versionHelp, true)
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	if fs.NArg() > 0 {
		return 0, usagef("version takes no arguments")
	}
	fmt.Fprintf(inv.stdout, "c2w %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return 0, nil
}

// version is what Go has recorded of the module: a tag, or the commit of a
// clone.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel"
}
