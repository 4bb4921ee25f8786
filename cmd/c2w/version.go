package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand(inv *invocation) *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print c2w's version",
		Long:              "Prints c2w's version, that of the Go that built it, its platform, and where the\nmachine for converted files comes from.",
		Args:              operands(0, 0, "no arguments"),
		ValidArgsFunction: completeNothing,
		RunE:              func(*cobra.Command, []string) error { return printVersion(inv) },
	}
}

func printVersion(inv *invocation) error {
	_, err := fmt.Fprintf(inv.stdout, "c2w %s (%s, %s/%s)\nmachine: %s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, machineOrigin())
	return err
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
