package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/c2w/c2w/internal/attach/client"
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
	containerFlags
	attachFlags
}

func runCommand(inv *invocation, args []string) (int, error) {
	var f runFlags
	fs := newFlags(inv, runHelp, false)
	f.containerFlags.register(fs)
	f.attachFlags.register(fs)
	fs.StringVar(&f.platform, "platform", "", "")
	fs.Var(&f.ram, "ram", "")
	fs.Var(&f.ram, "memory", "")
	if err := parse(fs, args); err != nil {
		return 0, err
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
	return f.run(inv, operand, command)
}

// run runs the operand, which is an image, a file, or nothing for the demo.
// Whatever can be wrong with the flags is said before an image is converted.
func (f *runFlags) run(inv *invocation, operand string, command []string) (int, error) {
	fileArgs, err := f.fileArgs(command)
	if err != nil {
		return 0, err
	}
	streams, err := f.streams(inv)
	if err != nil {
		return 0, err
	}
	o, err := f.runnerOptions()
	if err != nil {
		return 0, err
	}
	file, err := f.file(inv, operand)
	if err != nil {
		return 0, err
	}
	o.Args = append(o.Args, fileArgs...)
	o.Env = engineEnvironment()
	if f.engine == "" {
		o.Module = file.bytes
	} else {
		path, remove, err := file.onDisk()
		if err != nil {
			return 0, err
		}
		defer remove()
		o.Path = path
	}
	file.bytes = nil
	// From here on signals are the container's.
	inv.release()
	return client.Run(streams, func(stdout, stderr io.Writer) (client.Process, error) {
		o.Stdout, o.Stderr = stdout, stderr
		return runner.Start(o)
	})
}

// wasmFile is a converted file.
type wasmFile struct {
	bytes []byte
	path  string // "" if it is nowhere
}

// file returns the file to run.
func (f *runFlags) file(inv *invocation, operand string) (wasmFile, error) {
	if operand == "" {
		return f.converted(inv, "demo:")
	}
	stat, err := os.Stat(operand)
	if isFile := err == nil && stat.Mode().IsRegular(); isFile || strings.HasSuffix(operand, ".wasm") {
		if f.platform != "" || f.ram != 0 {
			return wasmFile{}, usagef("--platform and --ram are for images; %s is converted already", operand)
		}
		b, err := readFile(operand)
		return wasmFile{b, operand}, err
	}
	return f.converted(inv, operand)
}

// onDisk returns the path of the file, which remove takes away again if it was
// not there.
func (f *wasmFile) onDisk() (path string, remove func(), err error) {
	if f.path != "" {
		return f.path, func() {}, nil
	}
	t, err := os.CreateTemp("", "c2w-*.wasm")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.Remove(t.Name()) }
	_, err = t.Write(f.bytes)
	if e := t.Close(); err == nil {
		err = e
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return t.Name(), remove, nil
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

// passed names variables of c2w's own environment that are for the machine.
var passed = []string{"C2W_TRACE", "C2W_KERNEL_ARGS"}

// engineEnvironment is that of the machine, apart from the program's.
func engineEnvironment() []string {
	var env []string
	for _, k := range passed {
		env = appendOwn(env, k)
	}
	return env
}

// converted returns the image as a file, from the cache if it is there.
func (f *runFlags) converted(inv *invocation, ref string) (wasmFile, error) {
	o, err := f.options(ref)
	if err != nil {
		return wasmFile{}, err
	}
	img, err := convert.Open(inv.ctx, o)
	if err != nil {
		return wasmFile{}, err
	}
	key := contentKey(img, &o)
	if m := cachedFile(key); m != nil {
		return wasmFile{m, cachePath(key)}, nil
	}
	show := newProgress(inv.stderr)
	if show.terminal && ref != "demo:" {
		o.Progress = show
	}
	file, err := convert.Convert(inv.ctx, o)
	show.clear()
	if err != nil {
		return wasmFile{}, err
	}
	b, err := keepFile(inv.ctx, key, file)
	kept := wasmFile{bytes: b}
	if stat, e := os.Stat(cachePath(key)); e == nil && stat.Size() == int64(len(b)) {
		kept.path = cachePath(key)
	}
	return kept, err
}
