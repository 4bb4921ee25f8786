// Command standin takes the place of a converted file in the harness's test:
// it says what a machine says while it boots and answers two commands.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	switch os.Getenv("C2W_TRACE") {
	case "boot":
		fmt.Fprintln(os.Stderr, "c2w: boot: machine 0.5")
		fmt.Fprintln(os.Stderr, "c2w: boot: init 1.25")
	case "1":
		fmt.Fprintln(os.Stderr, "c2w: stats: instructions 2000, translated 1800, exit miss 5")
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
