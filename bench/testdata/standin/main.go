// Command standin takes the place of a converted file in the harness's test:
// it says what a machine says while it boots and answers two commands.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	if os.Getenv("C2W_TRACE") == "boot" {
		fmt.Fprintln(os.Stderr, "c2w: boot: machine 0.5")
		fmt.Fprintln(os.Stderr, "c2w: boot: init 1.25")
	}
	if os.Getenv("C2W_STATS") == "json" {
		fmt.Fprintln(os.Stderr, `c2w: stats: {"instructions":{"all":2000,"pages":1800,"interpreter":190,"go":10},"exits":{"miss":5}}`)
	}
	switch args := os.Args[1:]; strings.Join(args, " ") {
	case "/bin/true":
	case "/bin/busybox echo hello":
		fmt.Println("hello")
	case "/c2wbench -scale 1 crc32":
		fmt.Println("crc32 1000 8e1ee1a7")
	default:
		fmt.Fprintf(os.Stderr, "standin: %q: not found\n", args)
		os.Exit(125)
	}
}
