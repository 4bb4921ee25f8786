package main

import "fmt"

const mainHelp = `c2w turns a container image into one WebAssembly file that boots Linux and runs
the image's program on any WASI host.

Try it:
  c2w run                       the built-in demo image
  c2w run -- sh                 a shell in it
  c2w run -- uname -a

Convert an image:
  c2w [FLAGS] IMAGE [OUT]       writes OUT, by default out.wasm

    IMAGE is one of
%s    --platform OS/ARCH    which of the image's platforms (default %s)
                          supported: %s
    --ram SIZE            the guest's memory, such as 512m or 1g (default 256m)
    -q, --quiet           say nothing unless something is wrong

  The file needs only WASI preview 1:
    wasmtime out.wasm [--entrypoint CMD] [COMMAND [ARG...]]

Other commands:
  c2w run [FLAGS] [IMAGE|FILE.wasm] [--] [COMMAND [ARG...]]
  c2w inspect FILE.wasm         what a file holds, and what takes its space
  c2w licenses [NAME]           whose work c2w contains
  c2w version
  c2w COMMAND --help

An image that is named like a command goes behind --, as in: c2w -- run
Errors of c2w itself have the exit status 125.
`

func helpCommand(inv *invocation, args []string) (int, error) {
	if len(args) > 0 {
		for _, c := range commands() {
			if c.name == args[0] && c.name != "help" {
				return c.run(inv, []string{"--help"})
			}
		}
		return 0, usagef("there is no command %q", args[0])
	}
	fmt.Fprint(inv.stdout, mainHelpText())
	return 0, nil
}
