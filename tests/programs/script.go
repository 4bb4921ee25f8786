package main

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed scripts
var scripts embed.FS

// program is something to run in a container of its own.
type program struct {
	name  string
	what  string // it does, in a line
	image string
	// limit bounds each of its runs.
	limit time.Duration
	// volume is where it has an empty directory of the host; "" for none.
	volume string
	// runs are how many containers have that directory, one after the other.
	// The script finds its number in $RUN.
	runs int

	script  string
	cpython string // instead of a script: this test of CPython's
}

// all returns the scripts' programs and CPython's tests.
func all() (list []*program, err error) {
	lib, err := scripts.ReadFile("scripts/lib.sh")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(scripts, "scripts/*.sh")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := scripts.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if path.Base(name) == "lib.sh" {
			continue
		}
		p, err := parseScript(strings.TrimSuffix(path.Base(name), ".sh"), string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p.script = string(lib) + string(text) + "finish\n"
		list = append(list, p)
	}
	for _, t := range cpythonTests {
		list = append(list, &program{
			name: "cpython/" + t.name, what: "CPython's own " + t.name, image: "python",
			limit: t.limit, runs: 1, cpython: t.name,
		})
	}
	return list, nil
}

// parseScript reads the comment that a script begins with: a line that says what
// it does, and then lines of "KEY: VALUE".
func parseScript(name, text string) (*program, error) {
	p := &program{name: name, runs: 1}
	for line := range strings.Lines(text) {
		line, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "# ")
		if !ok {
			break
		}
		if p.what == "" {
			p.what = line
			continue
		}
		key, value, _ := strings.Cut(line, ": ")
		var err error
		switch key {
		case "image":
			p.image = value
		case "limit":
			p.limit, err = time.ParseDuration(value)
		case "volume":
			p.volume = value
		case "runs":
			p.runs, err = strconv.Atoi(value)
		default: // why something is so
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	if _, known := images[p.image]; !known {
		return nil, fmt.Errorf("no image %q", p.image)
	}
	if p.limit <= 0 || p.runs < 1 {
		return nil, fmt.Errorf("limit %v, runs %d: neither can be none", p.limit, p.runs)
	}
	return p, nil
}
