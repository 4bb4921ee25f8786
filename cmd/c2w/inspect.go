package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/c2w/c2w/internal/convert"
)

const inspectHelp = `c2w inspect FILE.wasm

Shows what a converted file holds: the image, its platform and command, and
what takes the file's space.
`

func inspectCommand(inv *invocation, args []string) (int, error) {
	fs := newFlags(inv, inspectHelp, true)
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	if fs.NArg() != 1 {
		return 0, usagef("inspect takes one file")
	}
	f, info, size, err := openFile(fs.Arg(0))
	if err != nil {
		return 0, err
	}
	f.Close()
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(inv.stdout, "%-11s %s\n", name, value)
		}
	}
	row("image", info.Image)
	row("digest", info.Digest)
	row("platform", info.Platform)
	row("entrypoint", words(info.Entrypoint))
	row("command", words(info.Cmd))
	for i, kv := range info.Env {
		row([]string{"environment", ""}[min(i, 1)], kv)
	}
	row("directory", info.Dir)
	row("user", info.User)
	row("memory", fmt.Sprintf("%d MiB", info.RAM>>20))
	row("disk", convert.Bytes(info.DiskSize)+" unpacked")
	row("made by", "c2w "+info.C2W)
	row("size", convert.Bytes(size))
	printParts(inv.stdout, info, size)
	return 0, nil
}

// words shows an argument vector as a shell would take it.
func words(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = shellWord(a)
	}
	return strings.Join(quoted, " ")
}

// openFile opens a converted file and reads its description.
func openFile(name string) (*os.File, *convert.Info, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("reading %s: %w", name, reason(err))
	}
	stat, err := f.Stat()
	if err == nil && !stat.Mode().IsRegular() {
		err = fmt.Errorf("not a file")
	}
	var info *convert.Info
	if err == nil {
		info, err = convert.ReadInfo(f, stat.Size())
	}
	if err != nil {
		f.Close()
		return nil, nil, 0, fmt.Errorf("reading %s: %w", name, reason(err))
	}
	return f, info, stat.Size(), nil
}

// reason strips the path off an error that is shown behind it.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
