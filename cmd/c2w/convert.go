package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/c2w/c2w/internal/convert"
)

// newConvertCommand is c2w IMAGE [OUT], the root of all commands.
func newConvertCommand(inv *invocation) *cobra.Command {
	var (
		c           conversionFlags
		output      string
		showVersion bool
	)
	cmd := &cobra.Command{
		Use:   "c2w [FLAGS] IMAGE [OUT.wasm]",
		Short: "Turn a container image into one WebAssembly file",
		Long:  rootLong(),
		Example: `c2w run                                     the built-in demo image
c2w run -it riscv64/alpine                  a shell in an image of a registry
c2w riscv64/alpine alpine.wasm              convert it,
wasmtime alpine.wasm uname -a               run it with any WASI host
c2w -m 1g oci:./image -o big.wasm           an OCI directory, 1 GiB of memory`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) { return nil, 0 },
		RunE: func(cmd *cobra.Command, args []string) error {
			if showVersion {
				return printVersion(inv)
			}
			ref, out, err := imageAndOutput(cmd, args, output)
			if err != nil {
				return err
			}
			return convertTo(inv, &c, ref, out)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE` (default out.wasm)")
	cmd.Flags().BoolVar(&showVersion, "version", false, "print the version and exit")
	cmd.MarkFlagFilename("output", "wasm")
	c.registerConversion(cmd)
	return cmd
}

// imageAndOutput reads the operands.
func imageAndOutput(cmd *cobra.Command, args []string, output string) (ref, out string, err error) {
	switch {
	case len(args) == 0:
		return "", "", usagef("which image? Name one, such as c2w riscv64/alpine, or try c2w run")
	case len(args) > 2:
		return "", "", usagef("too many arguments: %q comes after the image and the output", args[2])
	case len(args) == 2 && cmd.Flags().Changed("output"):
		return "", "", usagef("the output is named twice: %q and -o %q", args[1], output)
	}
	ref, out = args[0], "out.wasm"
	if len(args) == 2 {
		out = args[1]
	} else if cmd.Flags().Changed("output") {
		out = output
	}
	switch {
	case out == "":
		return "", "", usagef("the output's name is empty")
	case ref == "":
		return "", "", usagef("the image's name is empty")
	case cmd.ArgsLenAtDash() != 0 && !strings.ContainsAny(ref, "./:@"):
		// A name of one word may be a command that was mistyped.
		if m := meant(cmd, ref); m != "" {
			return "", "", usagef("there is no command %q%s To convert an image of that name: c2w -- %s", ref, m, ref)
		}
	}
	return ref, out, nil
}

func convertTo(inv *invocation, c *conversionFlags, ref, out string) error {
	if err := convert.CheckOutput(out); err != nil {
		return err
	}
	show, stages := newProgress(inv.stderr), convert.Progress(nil)
	if !c.quiet {
		stages = show
	}
	defer show.clear()
	file, err := c.cached(inv, ref, stages)
	if err != nil {
		return err
	}
	defer file.Close()
	begin := time.Now()
	if err := convert.WriteFile(inv.ctx, out, file); err != nil {
		return err
	}
	took := time.Since(begin)
	file.Keep() // behind the file itself, which has the first claim on the disk's room
	if c.quiet {
		return nil
	}
	show.End("write", out, took)
	fmt.Fprintf(inv.stdout, "\n%s  %s\n", out, convert.Bytes(file.Size))
	printParts(inv.stdout, file.Info, file.Size)
	if len(file.Info.Command()) == 0 {
		fmt.Fprintf(inv.stdout, "\nThe image names no command, so name one: wasmtime %s COMMAND\n", shellWord(out))
	} else {
		fmt.Fprintf(inv.stdout, "\nRun it: wasmtime %s, or c2w run %s\n", shellWord(out), shellWord(out))
	}
	return nil
}
