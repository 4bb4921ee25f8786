package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// target is a fuzz target.
type target struct {
	pkg, name string
	seeds     bool // its function adds inputs
}

var fuzzFunc = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// targets finds the fuzz targets of the tree as they are built for this system.
func targets() ([]target, error) {
	out, err := exec.Command("go", "list", "-json=Dir,ImportPath,TestGoFiles,XTestGoFiles", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var list []target
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir, ImportPath           string
			TestGoFiles, XTestGoFiles []string
		}
		if err := d.Decode(&p); err == io.EOF {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			for _, m := range fuzzFunc.FindAllSubmatch(text, -1) {
				_, body, _ := bytes.Cut(text, m[0])
				body, _, _ = bytes.Cut(body, []byte("\n}"))
				list = append(list, target{p.ImportPath, string(m[1]), bytes.Contains(body, []byte("f.Add("))})
			}
		}
	}
}

// fuzz runs each target for a while, from the inputs in its test and in
// testdata/fuzz. What fails is left there by go test, to be committed with what
// corrects it.
func fuzz(c *counter, each string) error {
	list, err := targets()
	if err != nil {
		return err
	}
	for _, t := range list {
		fmt.Fprintln(c.out, "     ", t.name)
		c.forgive = cutShort
		err := c.goTest(nil, "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+each, t.pkg)
		c.forgive = nil
		if err != nil {
			return err
		}
	}
	return nil
}

// cutShort reports whether a target failed of nothing but its own end: go test
// may take the deadline for a failure (golang.org/issue/75804, in Go 1.26). A
// failure that is one names the file that it has written the input to.
func cutShort(output []string) bool {
	text := strings.Join(output, "")
	return strings.Contains(text, "context deadline exceeded") &&
		!strings.Contains(text, "Failing input") && !strings.Contains(text, "panic") && !strings.Contains(text, ".go:")
}
