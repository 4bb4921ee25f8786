// Command rootfs turns an image into an EROFS file: what the first two stages
// of a conversion do, for looking at the result with other tools.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/internal/convert/image"
	"github.com/c2w/c2w/internal/convert/rootfs"
)

func main() {
	platform := flag.String("platform", "linux/riscv64", "platform to pick")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: rootfs [-platform OS/ARCH] IMAGE OUT.erofs")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), *platform); err != nil {
		fmt.Fprintln(os.Stderr, "rootfs:", err)
		os.Exit(1)
	}
}

func run(ref, out, platform string) error {
	p, err := v1.ParsePlatform(platform)
	if err != nil {
		return err
	}
	ctx := context.Background()
	start := time.Now()
	img, err := image.Open(ctx, ref, *p, image.Options{})
	if err != nil {
		return err
	}
	defer img.Close()
	var layers []rootfs.Layer
	for _, l := range img.Layers {
		layers = append(layers, l)
	}
	tree, err := rootfs.Merge(ctx, layers, rootfs.Options{})
	if err != nil {
		return err
	}
	defer tree.Close()
	merged := time.Since(start)
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	st, err := tree.WriteEROFS(f)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d files, %d bytes; merged in %v, all in %v\n", out, st.Inodes, st.Size, merged, time.Since(start))
	return f.Close()
}
