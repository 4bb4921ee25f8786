package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/image"
	"github.com/c2w/c2w/internal/machinewasm"
)

func mainHelpText() string {
	var forms strings.Builder
	for _, f := range image.Forms() {
		fmt.Fprintf(&forms, "      %s\n", f)
	}
	platforms := convert.Platforms()
	return fmt.Sprintf(mainHelp, forms.String(), platforms[0], strings.Join(platforms, ", "))
}

// conversion holds the flags that say how an image is converted.
type conversion struct {
	platform string
	ram      size
}

// options adds what the flags do not say.
func (c *conversion) options(ref string) (convert.Options, error) {
	m, err := machineModule()
	return convert.Options{
		Ref: ref, Platform: c.platform, RAM: uint32(c.ram), Machine: m, Version: version(),
	}, err
}

// machineVariable names a machine's module that is used instead of the
// embedded one, for developing it.
const machineVariable = "C2W_MACHINE"

func machineModule() ([]byte, error) {
	name := os.Getenv(machineVariable)
	if name == "" {
		return machinewasm.Module()
	}
	m, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the machine that %s names: %w", machineVariable, err)
	}
	return m, nil
}

// convertCommand is c2w IMAGE [OUT].
func convertCommand(inv *invocation, args []string) (int, error) {
	var c conversion
	fs := newFlags(inv, mainHelpText(), true)
	fs.StringVar(&c.platform, "platform", "", "")
	fs.Var(&c.ram, "ram", "")
	fs.Var(&c.ram, "memory", "")
	quiet := fs.BoolP("quiet", "q", false, "")
	showVersion := fs.Bool("version", false, "")
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	if *showVersion {
		return versionCommand(inv, nil)
	}
	out := "out.wasm"
	switch fs.NArg() {
	case 0:
		return 0, usagef("which image? Name one, such as c2w riscv64/alpine, or try c2w run")
	case 1:
	case 2:
		out = fs.Arg(1)
	default:
		return 0, usagef("too many arguments: %q comes after the image and the output", fs.Arg(2))
	}
	if out == "" {
		return 0, usagef("the output's name is empty")
	}
	if err := convert.CheckOutput(out); err != nil {
		return 0, err
	}
	o, err := c.options(fs.Arg(0))
	if err != nil {
		return 0, err
	}
	show := newProgress(inv.stderr)
	if !*quiet {
		o.Progress = show
	}
	file, err := convert.Convert(inv.ctx, o)
	if err == nil {
		err = show.stage(!*quiet, "write", out, func() error { return convert.WriteFile(inv.ctx, out, file) })
	}
	show.clear()
	if err != nil {
		return 0, err
	}
	if u := file.Info.User; u != "" && u != "root" && u != "0" {
		fmt.Fprintf(inv.stderr, "c2w: the image asks for user %q; users are not supported yet, its programs run as root\n", u)
	}
	if !*quiet {
		fmt.Fprintf(inv.stdout, "\n%s  %s\n", out, convert.Bytes(file.Size))
		printParts(inv.stdout, file.Info, file.Size)
		if len(file.Info.Command()) == 0 {
			fmt.Fprintf(inv.stdout, "\nThe image names no command, so name one: wasmtime %s COMMAND\n", shellWord(out))
		} else {
			fmt.Fprintf(inv.stdout, "\nRun it: wasmtime %s, or c2w run %s\n", shellWord(out), shellWord(out))
		}
	}
	return 0, nil
}

// shellWord quotes s for a POSIX shell if it has to be.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@%+,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
