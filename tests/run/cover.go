package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// printCoverage prints which share of each wing's statements was executed by tests
// of the statement's own package, from the profile that go test left: what other
// packages' tests execute does not count, and counting it would slow them down by a
// tenth to a half. Without a profile, nothing was built.
func printCoverage(w io.Writer, profile string) error {
	f, err := os.Open(profile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	wings, err := coverage(f)
	if err != nil {
		return fmt.Errorf("reading %s: %w", profile, err)
	}
	for _, name := range slices.Sorted(maps.Keys(wings)) {
		s := wings[name]
		fmt.Fprintf(w, "coverage  %-18s %5.1f %% of %d statements\n", name, 100*float64(s.executed)/float64(s.all), s.all)
	}
	return nil
}

// share counts statements.
type share struct{ executed, all int }

// coverage sums up a profile (go doc golang.org/x/tools/cover has the form:
// FILE:FROM,TO STATEMENTS COUNT). A block is there once for every test binary
// that had it, and is executed if one of them did.
func coverage(profile io.Reader) (map[string]share, error) {
	type block struct {
		statements int
		executed   bool
	}
	blocks := map[string]block{}
	lines := bufio.NewScanner(profile)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "mode: ") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("line %q", line)
		}
		n, err := strconv.Atoi(f[1])
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
		blocks[f[0]] = block{n, f[2] != "0" || blocks[f[0]].executed}
	}
	wings := map[string]share{}
	for at, b := range blocks {
		file, _, _ := strings.Cut(at, ":")
		s := wings[wing(file)]
		s.all += b.statements
		if b.executed {
			s.executed += b.statements
		}
		wings[wing(file)] = s
	}
	return wings, lines.Err()
}

// wing returns the folder under which a file's statements are counted: below
// internal the next one, otherwise the first of the module.
func wing(file string) string {
	parts := strings.Split(path.Dir(file), "/")
	parts = parts[min(3, len(parts)):] // host, owner and name of the module
	switch {
	case len(parts) == 0:
		return "."
	case parts[0] == "internal" && len(parts) > 1:
		return path.Join(parts[:2]...)
	}
	return parts[0]
}
