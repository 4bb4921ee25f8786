// Package runner runs a file that c2w made: in the embedded wazero, or in an
// engine of the user's over pipes.
//
// It knows WASI hosts, not what is inside of the file nor what passes through
// its streams.
package runner

import (
	"errors"
	"io"
	"strings"
)

// Options is one run.
type Options struct {
	// Module is the file's bytes. The embedded engine needs it.
	Module []byte
	// Path is where the file lies. Other engines need it.
	Path string
	// Args follow the file's name; Env is KEY=VALUE.
	Args, Env []string
	// Stdout and Stderr are each written to by one goroutine at a time. nil
	// drops what comes.
	Stdout, Stderr io.Writer
	// Mounts are the directories that the file sees.
	Mounts []Mount
	// CacheDir keeps compiled code between runs; "" keeps none. A directory
	// that cannot be used is the same as none.
	CacheDir string
	// Engine is the name of a program of [Engines] or its path, whose name
	// tells which it is; "" is the embedded engine.
	Engine string
}

// Mount is a directory of the host that the file sees.
type Mount struct {
	Host  string // an absolute path of an existing directory
	Guest string // an absolute path with slashes
	// ReadOnly asks the engine not to write. Not every engine can be asked.
	ReadOnly bool
}

// Process is a run.
type Process interface {
	// Input is the file's standard input. A write may last until all of it was
	// read.
	Input() io.WriteCloser
	// Wait waits for the end and returns the exit status, 0 to 255. An error
	// means that there is none: the file is damaged, or the engine broke.
	Wait() (status int, err error)
	// Kill ends the run, and so Wait. The embedded engine cannot be interrupted:
	// the file finds the end of its input, and what it does until this process
	// ends is nobody's concern.
	Kill()
}

// Start starts a file.
func Start(o Options) (Process, error) {
	if o.Engine == "" {
		return startEmbedded(o), nil
	}
	return startEngine(o)
}

// oneLine drops the stack trace that wazero adds.
func oneLine(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(strings.TrimSpace(text))
}
