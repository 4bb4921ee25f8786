package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/runner"
)

const runHelp = `c2w run [FLAGS] [IMAGE|FILE.wasm] [--] [COMMAND [ARG...]]

Runs a converted file, or converts an image first and keeps the result for the
next time. Without either it runs the built-in demo image. The exit status is
the program's.

  c2w run                              the demo image
  c2w run -- sh                        a shell in it
  c2w run out.wasm ls -la /
  c2w run -e GREETING=hi oci:./image sh -c 'echo $GREETING'

    -e, --env KEY=VALUE   sets a variable for the program; KEY alone passes on
                          yours
    --entrypoint CMD      replaces the image's entrypoint and drops its command
    --platform OS/ARCH    which of the image's platforms
    --ram SIZE            the guest's memory, such as 512m (images only)

Flags end at the image or file: what follows belongs to the program.
`

// runFlags are those of c2w run.
type runFlags struct {
	conversion
	env        []string
	entrypoint *string
}

func runCommand(inv *invocation, args []string) (int, error) {
	var f runFlags
	fs := newFlags(inv, runHelp, false)
	fs.StringArrayVarP(&f.env, "env", "e", nil, "")
	entrypoint := fs.String("entrypoint", "", "")
	fs.StringVar(&f.platform, "platform", "", "")
	fs.Var(&f.ram, "ram", "")
	fs.Var(&f.ram, "memory", "")
	volumes := fs.StringArrayP("volume", "v", nil, "")
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	if len(*volumes) > 0 {
		return 0, usagef("directories of this computer cannot be mounted yet (-v %s)", (*volumes)[0])
	}
	if fs.Changed("entrypoint") {
		f.entrypoint = entrypoint
	}
	operand, command := "", fs.Args()
	if fs.ArgsLenAtDash() != 0 && len(command) > 0 {
		operand, command = command[0], command[1:]
		if operand == "" {
			return 0, usagef("the image's name is empty")
		}
		if len(command) > 0 && command[0] == "--" {
			command = command[1:]
		}
	}
	module, name, err := f.module(inv, operand)
	if err != nil {
		return 0, err
	}
	env, err := f.environment()
	if err != nil {
		return 0, err
	}
	// From here on an interrupt ends the process, as it would end a program.
	inv.release()
	return runner.Run(context.Background(), runner.Options{
		Module: module, Name: name, Args: f.arguments(command), Env: env,
		Stdin: inv.stdin, Stdout: inv.stdout, Stderr: inv.stderr,
		CacheDir: cacheDir("code"),
	})
}

// module returns the file to run and its name.
func (f *runFlags) module(inv *invocation, operand string) ([]byte, string, error) {
	if operand == "" {
		m, err := f.converted(inv, "demo:")
		return m, "demo.wasm", err
	}
	stat, err := os.Stat(operand)
	if isFile := err == nil && stat.Mode().IsRegular(); isFile || strings.HasSuffix(operand, ".wasm") {
		if f.platform != "" || f.ram != 0 {
			return nil, "", usagef("--platform and --ram are for images; %s is converted already", operand)
		}
		m, err := readFile(operand)
		return m, operand, err
	}
	m, err := f.converted(inv, operand)
	return m, "out.wasm", err
}

func readFile(name string) ([]byte, error) {
	f, _, size, err := openFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, size)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b, nil
}

// arguments are those of the file, which takes flags of its own in front of
// the command.
func (f *runFlags) arguments(command []string) []string {
	var args []string
	if f.entrypoint != nil {
		args = append(args, "--entrypoint="+*f.entrypoint)
	}
	if len(command) > 0 {
		args = append(append(args, "--"), command...)
	}
	return args
}

// passed names variables of c2w's own environment that are for the machine.
var passed = []string{"C2W_TRACE", "C2W_KERNEL_ARGS"}

// environment is that of the file.
func (f *runFlags) environment() ([]string, error) {
	var env []string
	for _, k := range passed {
		if v, ok := os.LookupEnv(k); ok {
			env = append(env, k+"="+v)
		}
	}
	for _, kv := range f.env {
		k, _, given := strings.Cut(kv, "=")
		switch {
		case k == "":
			return nil, usagef("-e %q: write KEY=VALUE", kv)
		case strings.ContainsRune(kv, 0):
			return nil, usagef("-e %q: it has a zero byte", kv)
		case strings.HasPrefix(k, "C2W_"):
			return nil, usagef("-e %s: names that begin with C2W_ are c2w's own", k)
		case given:
			env = append(env, kv)
		default:
			if v, ok := os.LookupEnv(k); ok {
				env = append(env, k+"="+v)
			}
		}
	}
	return env, nil
}

// converted returns the image as a file, from the cache if it is there.
func (f *runFlags) converted(inv *invocation, ref string) ([]byte, error) {
	o, err := f.options(ref)
	if err != nil {
		return nil, err
	}
	img, err := convert.Open(inv.ctx, o)
	if err != nil {
		return nil, err
	}
	key := contentKey(img, &o)
	if m := cachedFile(key); m != nil {
		return m, nil
	}
	show := newProgress(inv.stderr)
	if show.terminal && ref != "demo:" {
		o.Progress = show
	}
	file, err := convert.Convert(inv.ctx, o)
	show.clear()
	if err != nil {
		return nil, err
	}
	return keepFile(inv.ctx, key, file)
}
