package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/run/client"
	"github.com/c2w/c2w/internal/run/runner"
)

// runFlags are those of c2w run.
type runFlags struct {
	conversionFlags
	containerFlags
	attachFlags
	checkFlags
}

func newRunCommand(inv *invocation) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [FLAGS] [IMAGE|FILE.wasm] [--] [COMMAND [ARG...]]",
		Short: "Run an image or a converted file",
		Long: `Runs a converted file, or converts an image first and keeps the result for the
next time. Without either it runs the built-in demo image. Flags end at the
image or file: what follows belongs to the program. The exit status is the
program's. Docker's --rm and --name are accepted: a run leaves nothing behind.

With --check the container runs twice in lock-step, with translated code and
without, on clocks that count instructions. Standard input is read to its end
first. Some 30 million instructions are executed a second. If both runs agree the
status is the program's; if not it is 125, and standard error says where they
first differ.`,
		Example: `c2w run                                         the demo image
c2w run -- sh                                   a shell in it
c2w run -it riscv64/alpine
c2w run -e GREETING=hi oci:./image sh -c 'echo $GREETING'
c2w run -v .:/work -w /work out.wasm make       this directory, in the container
c2w run --engine wasmtime out.wasm ls -la /     in another engine`,
		ValidArgsFunction: completeFiles("wasm", 1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			operand, command, err := imageAndCommand(cmd, args)
			if err == nil {
				inv.status, err = f.run(inv, operand, command)
			}
			return err
		},
	}
	cmd.Flags().SetInterspersed(false)
	addGroup(cmd.Flags(), "Streams, files and engine", f.attachFlags.register)
	addGroup(cmd.Flags(), "Container", f.containerFlags.register)
	addGroup(cmd.Flags(), "Checking c2w", f.checkFlags.register)
	f.registerConversion(cmd)
	cmd.MarkFlagFilename("env-file")
	cmd.RegisterFlagCompletionFunc("engine", cobra.FixedCompletions([]string{"wasmtime", "wasmer", "node", "wazero"}, 0))
	return cmd
}

// imageAndCommand reads the operands. Behind -- there is no image.
func imageAndCommand(cmd *cobra.Command, args []string) (operand string, command []string, err error) {
	if cmd.ArgsLenAtDash() == 0 || len(args) == 0 {
		return "", args, nil
	}
	operand, command = args[0], args[1:]
	if operand == "" {
		return "", nil, usagef("the image's name is empty")
	}
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	return operand, command, nil
}

// run runs the operand, which is an image, a file, or nothing for the demo.
// Whatever can be wrong with the flags is said before an image is converted.
func (f *runFlags) run(inv *invocation, operand string, command []string) (int, error) {
	fileArgs, err := f.fileArgs(command)
	if err != nil {
		return 0, err
	}
	if f.check != "" {
		return f.checked(inv, operand, fileArgs)
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
	// From here on signals are the container's, without a moment in between. One
	// that comes when the container has ended must not take its status away, so
	// the usual effect does not return.
	streams.Signals = client.CatchSignals()
	if err := inv.ctx.Err(); err != nil {
		return 0, err
	}
	inv.release()
	status, err := client.Run(streams, func(stdout, stderr io.Writer) (client.Process, error) {
		o.Stdout, o.Stderr = stdout, stderr
		return runner.Start(o)
	})
	go func() { // unless what is left to do never ends, such as telling an error
		streams.Signals.Await()
		os.Exit(client.Status(streams.Signals.Await()))
	}()
	return status, err
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
		if given := f.given(); given != nil {
			return wasmFile{}, usagef("--%s is for images; %s is converted already", given.Name, operand)
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
var passed = []string{"C2W_TRACE", "C2W_STATS", "C2W_KERNEL_ARGS"}

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
	show, stages := newProgress(inv.stderr), convert.Progress(nil)
	// Lines that do not go away would mix with the program's.
	if show.terminal && !f.quiet && ref != "demo:" {
		stages = show
	}
	defer show.clear()
	file, err := f.cached(inv, ref, stages)
	if err != nil {
		return wasmFile{}, err
	}
	defer file.Close()
	file.Keep()
	var b bytes.Buffer
	b.Grow(int(file.Size))
	_, err = file.WriteTo(&b)
	return wasmFile{b.Bytes(), file.Path}, err
}
