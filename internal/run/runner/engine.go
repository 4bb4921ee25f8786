package runner

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// engine is a program that runs WASI files.
type engine struct {
	name string
	// argv returns its arguments. o.Path is absolute.
	argv func(o *Options) ([]string, error)
}

// engines is the table of them.
var engines = []engine{
	{"wasmtime", func(o *Options) ([]string, error) {
		args := []string{"run"}
		if o.CacheDir != "" {
			args = append(args, "-C", "cache=y") // in a directory of its own
		}
		for _, kv := range o.Env {
			args = append(args, "--env", kv)
		}
		for _, m := range o.Mounts {
			if strings.Contains(m.Host, "::") {
				return nil, fmt.Errorf("wasmtime cannot mount %s: its name has a double colon", m.Host)
			}
			args = append(args, "--dir", m.Host+"::"+m.Guest)
		}
		return append(append(args, o.Path), o.Args...), nil
	}},
	{"wasmer", func(o *Options) ([]string, error) {
		args := []string{"run"}
		for _, kv := range o.Env {
			args = append(args, "--env", kv)
		}
		for _, m := range o.Mounts {
			// Letters of Windows drives are behind the first colon's back.
			if strings.Contains(m.Host[len(filepath.VolumeName(m.Host)):], ":") {
				return nil, fmt.Errorf("wasmer cannot mount %s: its name has a colon", m.Host)
			}
			args = append(args, "--volume", m.Host+":"+m.Guest)
		}
		return append(append(args, o.Path, "--"), o.Args...), nil
	}},
	{"node", func(o *Options) ([]string, error) {
		args := []string{"--no-warnings", "--input-type=module", "--eval", nodeScript, "--"}
		for _, kv := range o.Env {
			args = append(args, "--env", kv)
		}
		for _, m := range o.Mounts {
			args = append(args, "--dir", m.Guest, m.Host)
		}
		return append(append(args, "--", o.Path), o.Args...), nil
	}},
	{"wazero", func(o *Options) ([]string, error) {
		args := []string{"run"}
		if o.CacheDir != "" {
			args = append(args, "-cachedir", o.CacheDir)
		}
		for _, kv := range o.Env {
			args = append(args, "-env", kv)
		}
		for _, m := range o.Mounts {
			if strings.Contains(m.Host[len(filepath.VolumeName(m.Host)):], ":") {
				return nil, fmt.Errorf("wazero cannot mount %s: its name has a colon", m.Host)
			}
			mount := m.Host + ":" + m.Guest
			if m.ReadOnly {
				mount += ":ro"
			}
			args = append(args, "-mount", mount)
		}
		return append(append(args, o.Path), o.Args...), nil
	}},
}

// nodeScript runs a file under Node: see the comment in it.
//
//go:embed node.mjs
var nodeScript string

// Engines are the names of the programs that a file can be run by.
func Engines() []string {
	var names []string
	for _, e := range engines {
		names = append(names, e.name)
	}
	return names
}

// ErrEngine is an engine that is not one of [Engines], or is not there.
var ErrEngine = errors.New("no such engine")

// FindEngine returns the path of an engine's program. name is one of [Engines]
// or a path whose last element is, but for an extension .exe.
func FindEngine(name string) (string, error) {
	_, path, err := findEngine(name)
	return path, err
}

func findEngine(name string) (*engine, string, error) {
	base := strings.TrimSuffix(filepath.Base(name), ".exe")
	for i := range engines {
		if engines[i].name != base {
			continue
		}
		path, err := exec.LookPath(name)
		switch {
		case err != nil && base == name:
			return nil, "", fmt.Errorf("%w: %s is not in any directory of PATH; install it, or let c2w run the file itself", ErrEngine, name)
		case err != nil:
			return nil, "", fmt.Errorf("%w: %s is not a program", ErrEngine, name)
		}
		return &engines[i], path, nil
	}
	return nil, "", fmt.Errorf("%w: %q; there are %s", ErrEngine, name, strings.Join(Engines(), ", "))
}

// external is a run in another program.
type external struct {
	cmd    *exec.Cmd
	input  *os.File
	output chan struct{} // closed when all output has been delivered
}

func startEngine(o Options) (*external, error) {
	e, program, err := findEngine(o.Engine)
	if err != nil {
		return nil, err
	}
	// A name that begins with a dash would be a flag.
	if o.Path, err = filepath.Abs(o.Path); err != nil {
		return nil, err
	}
	argv, err := e.argv(&o)
	if err != nil {
		return nil, err
	}
	stdin, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	output, stdout, err := os.Pipe()
	if err != nil {
		stdin.Close()
		input.Close()
		return nil, err
	}
	growPipe(input)
	growPipe(output)
	x := &external{cmd: exec.Command(program, argv...), input: input, output: make(chan struct{})}
	x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = stdin, stdout, o.Stderr
	apart(x.cmd)
	manyDescriptors()
	err = x.cmd.Start()
	stdin.Close()
	stdout.Close()
	if err != nil {
		input.Close()
		output.Close()
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	go func() {
		defer close(x.output)
		defer output.Close() // what is written then finds a broken pipe
		deliver(o.Stdout, output)
	}()
	return x, nil
}

// outputPiece is how much output is read at once, in bytes.
const outputPiece = 256 << 10

func deliver(w io.Writer, r io.Reader) {
	if w == nil {
		w = io.Discard
	}
	buf := make([]byte, outputPiece)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (x *external) Input() io.WriteCloser { return x.input }
func (x *external) Kill()                 { killApart(x.cmd) }

func (x *external) Wait() (int, error) {
	<-x.output
	err := x.cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode() & 0xff, nil
	}
	return 0, fmt.Errorf("%s ended: %w", filepath.Base(x.cmd.Path), err)
}
