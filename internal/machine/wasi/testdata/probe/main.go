// Probe does on an engine what its first argument says, through package wasi.
package main

import (
	"io"
	_ "os" // which the machine has in it too, and which changes the streams
	"strconv"
	"strings"

	"github.com/c2w/c2w/internal/machine/wasi"
)

const second = 1_000_000_000

var host = wasi.New()

func say(s string) {
	if err := host.Write(wasi.Stdout, []byte(s)); err != nil {
		host.Exit(74)
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		say("not a number: " + s + "\n")
		host.Exit(64)
	}
	return n
}

func main() {
	args := host.Args()
	if len(args) < 2 {
		say("no command\n")
		host.Exit(64)
	}
	switch args[1] {
	case "args":
		say(strings.Join(args[1:], "|") + "\n" + strings.Join(host.Environ(), "|") + "\n")
	case "exit":
		host.Exit(number(args[2]))
	case "clocks":
		clocks()
	case "cat":
		cat()
	case "idle":
		idle(number(args[2]), args[3] == "stdin")
	case "flood":
		flood(number(args[2]))
	}
}

// clocks prints ok if time passes and random bytes differ.
func clocks() {
	before, real := host.Monotonic(), host.Realtime()
	host.Wait(2_000_000, false)
	after := host.Monotonic()
	var a, b [16]byte
	if host.Random(a[:]) != nil || host.Random(b[:]) != nil || a == b {
		say("random bytes repeat\n")
		host.Exit(1)
	}
	if after-before < 1_000_000 || real < 1_600_000_000*second || host.Realtime() < real {
		say("clocks: " + strconv.Itoa(int(after-before)) + " ns passed, real " + strconv.Itoa(int(real)) + "\n")
		host.Exit(1)
	}
	say("ok\n")
}

// cat copies standard input to standard output, by Wait only, then says how it
// ended. "waiting" on standard error tells the test that nothing was there.
func cat() {
	buf := make([]byte, 4096)
	told := false
	for {
		if !host.Wait(second/10, true) && !host.AtEOF() {
			if !told {
				told = true
				_ = host.Write(wasi.Stderr, []byte("waiting\n"))
			}
			continue
		}
		n, err := host.ReadStdin(buf)
		say(string(buf[:n]))
		if err == io.EOF {
			say("<EOF>\n")
			return
		}
		if err != nil {
			say("<" + err.Error() + ">\n")
			return
		}
	}
}

// idle waits for ms milliseconds in slices of 10, as a machine with a timer
// does, and prints how often it woke.
func idle(ms int, stdin bool) {
	end := host.Monotonic() + int64(ms)*1_000_000
	wakes := 0
	_ = host.Write(wasi.Stderr, []byte("idle\n"))
	for host.Monotonic() < end {
		ready := host.Wait(10_000_000, stdin)
		if ready {
			var b [16]byte
			_, _ = host.ReadStdin(b[:])
		}
		wakes++
	}
	say(strconv.Itoa(wakes) + "\n")
}

// flood writes n bytes in lines of 0 to 5000 bytes and in pieces of other sizes,
// as floodText in the test has them.
func flood(n int) {
	text := make([]byte, 0, n)
	for i := 0; len(text) < n; i++ {
		for range i * i % 5001 {
			text = append(text, 'a'+byte(i%26))
		}
		text = append(text, '\n')
	}
	text = text[:n]
	for i := 0; len(text) > 0; i++ {
		piece := text[:min(len(text), i*i%50_021)]
		if i%3 == 0 {
			piece = piece[:len(piece)%1000]
		}
		text = text[len(piece):]
		if err := host.Write(wasi.Stdout, piece); err != nil {
			_ = host.Write(wasi.Stderr, []byte(err.Error()+"\n"))
			host.Exit(3)
		}
	}
	host.Exit(0)
}
