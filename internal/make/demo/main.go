// Command demo writes demo.zip and lock.json, the demo image and what it was made
// from; demo/build.sh runs it.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func main() {
	deb := flag.String("deb", "", "the Debian package")
	root := flag.String("root", "", "directory that it is unpacked in")
	version := flag.String("version", "", "version of the package")
	out := flag.String("out", ".", "directory to write to")
	flag.Parse()
	if err := run(*deb, *root, *version, *out); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(deb, root, version, out string) error {
	pkg, err := os.ReadFile(deb)
	if err != nil {
		return err
	}
	program := filepath.Join(root, "usr/bin/busybox")
	busybox, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	copyright, err := os.ReadFile(filepath.Join(root, "usr/share/doc/busybox-static/copyright"))
	if err != nil {
		return err
	}
	sum := func(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }
	lock := Lock{
		Package: "busybox-static", Version: version, Deb: sum(pkg), Busybox: sum(busybox),
		License: "GPL-2.0-only",
		Source:  "Debian source package busybox, the version above, with its patches: apt-get source busybox in trixie",
		Time:    info.ModTime().UTC().Truncate(time.Second),
	}
	zip, err := Pack(lock, busybox, copyright)
	if err != nil {
		return err
	}
	j, err := json.MarshalIndent(lock, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "lock.json"), append(j, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "demo.zip"), zip, 0o644)
}
