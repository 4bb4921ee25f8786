// Command tar2oci turns a tar stream on its standard input into a one-layer
// OCI layout directory. The scripts that make test images use it; nothing of
// the product does.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/internal/testkit/ocilayout"
)

func main() {
	platform := flag.String("platform", "linux/riscv64", "platform of the image")
	tag := flag.String("tag", "latest", "tag in index.json")
	cmd := flag.String("cmd", "", "the image's command, split at spaces")
	compression := flag.String("compression", "gzip", "gzip, zstd or nothing")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: tar2oci [flags] DIR < layer.tar")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *platform, *tag, *cmd, *compression); err != nil {
		fmt.Fprintln(os.Stderr, "tar2oci:", err)
		os.Exit(1)
	}
}

func run(dir, platform, tag, cmd, compression string) error {
	p, err := v1.ParsePlatform(platform)
	if err != nil {
		return fmt.Errorf("parsing platform %q: %w", platform, err)
	}
	w, err := ocilayout.New(dir)
	if err != nil {
		return err
	}
	l, err := w.Layer(os.Stdin, ocilayout.Compression(compression))
	if err != nil {
		return fmt.Errorf("writing layer: %w", err)
	}
	d, err := w.Image(*p, v1.Config{
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		Cmd: strings.Fields(cmd),
	}, l)
	if err != nil {
		return fmt.Errorf("writing manifest: %w", err)
	}
	w.Add(d, tag)
	return w.Close()
}
