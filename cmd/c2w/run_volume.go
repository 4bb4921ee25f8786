package main

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/c2w/c2w/internal/run/runner"
)

// mounts reads the values of -v. Parents come before what lies in them, as with
// docker.
func mounts(volumes []string) ([]runner.Mount, error) {
	var list []runner.Mount
	for _, v := range volumes {
		m, err := parseVolume(v, runtime.GOOS == "windows")
		if err != nil {
			return nil, err
		}
		if m.Host, err = hostDir(m.Host); err != nil {
			return nil, usagef("-v %s: %w", v, err)
		}
		for _, other := range list {
			if other.Guest == m.Guest {
				return nil, usagef("-v %s: something is mounted on %s already", v, m.Guest)
			}
		}
		list = append(list, m)
	}
	depth := func(m runner.Mount) int { return strings.Count(m.Guest, "/") }
	slices.SortStableFunc(list, func(a, b runner.Mount) int { return depth(a) - depth(b) })
	return list, nil
}

// volumeOptions are docker's, and whether they make a mount read-only. Those of
// labels, caches and propagation have no meaning here.
var volumeOptions = map[string]bool{
	"ro": true, "readonly": true, "rw": false, "z": false, "Z": false,
	"cached": false, "delegated": false, "consistent": false, "nocopy": false,
}

// parseVolume takes HOST:GUEST[:OPTION[,OPTION…]] apart. drives says that HOST
// may begin with a drive's letter and a colon.
func parseVolume(v string, drives bool) (runner.Mount, error) {
	var m runner.Mount
	drive, rest := "", v
	if letter := func(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }; drives && len(v) > 2 && letter(v[0]) && v[1] == ':' && (v[2] == '\\' || v[2] == '/') {
		drive, rest = v[:2], v[2:]
	}
	parts := strings.Split(rest, ":")
	m.Host = drive + parts[0]
	switch {
	case strings.ContainsRune(v, 0):
		return m, usagef("-v %q: it has a zero byte", v)
	case len(parts) == 1:
		return m, usagef("-v %s: write HOST:GUEST, a directory of this computer and where the container sees it", v)
	case len(parts) > 3:
		return m, usagef("-v %s: too many colons; write HOST:GUEST[:ro]", v)
	case m.Host == "":
		return m, usagef("-v %s: which directory of this computer? Write HOST:GUEST[:ro]", v)
	case !path.IsAbs(parts[1]):
		return m, usagef("-v %s: the directory in the container begins with /", v)
	case drive == "" && !strings.ContainsAny(m.Host, `/\`) && !strings.HasPrefix(m.Host, ".") && m.Host != "~":
		return m, usagef("-v %s: there are no named volumes; the directory is ./%s", v, m.Host)
	}
	if m.Guest = path.Clean(parts[1]); m.Guest == "/" {
		return m, usagef("-v %s: nothing can be mounted over the whole container", v)
	}
	if len(parts) == 3 {
		for _, option := range strings.Split(parts[2], ",") {
			readOnly, known := volumeOptions[option]
			if !known {
				return m, usagef("-v %s: unknown option %q; there are ro and rw", v, option)
			}
			m.ReadOnly = m.ReadOnly || readOnly
		}
	}
	return m, nil
}

// hostDir returns the absolute path of a directory that exists. A tilde in
// front, which shells leave alone behind an equals sign, is the home directory.
func hostDir(dir string) (string, error) {
	if dir == "~" || strings.HasPrefix(dir, "~/") || strings.HasPrefix(dir, `~`+string(filepath.Separator)) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(home, dir[1:])
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	stat, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", errors.New(abs + " does not exist; make it first")
	case err != nil:
		return "", err
	case !stat.IsDir():
		return "", errors.New(abs + " is not a directory; single files cannot be mounted")
	}
	return abs, nil
}
