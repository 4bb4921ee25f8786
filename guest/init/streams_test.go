//go:build linux

package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
)

// pipe returns a pipe whose end for the stream under test does not block.
func pipe(t *testing.T, ours int) (fds [2]int, other *os.File) {
	t.Helper()
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	syscall.SetNonblock(fds[ours], true)
	other = os.NewFile(uintptr(fds[1-ours]), "pipe")
	t.Cleanup(func() { other.Close() })
	return fds, other
}

// wait is poll(2) for one descriptor.
func wait(fd int32, events int16) {
	s := session{}
	s.wait([]pollfd{{fd, events, 0}})
}

func sample() []byte {
	b := make([]byte, 3<<20+7)
	source := rand.NewChaCha8([32]byte{})
	source.Read(b)
	return b
}

func TestInputMoves(t *testing.T) {
	want := sample()
	from, writer := pipe(t, 0)
	to, reader := pipe(t, 1)
	var in input
	in.source = from[0]
	in.open(to[1])
	go func() {
		writer.Write(want)
		writer.Close()
	}()
	got := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(reader)
		got <- b
	}()
	for !in.eof || len(in.pending) > 0 {
		if !in.move() {
			t.Fatal("not wanted")
		}
		if p := in.watchSource(); p.fd >= 0 {
			wait(p.fd, p.events)
		} else if p := in.watchSink(); p.events != 0 {
			wait(p.fd, p.events)
		}
	}
	if in.last != want[len(want)-1] {
		t.Error("the last byte is another")
	}
	in.close()
	if b := <-got; !bytes.Equal(b, want) {
		t.Errorf("%d bytes, or others, of %d", len(b), len(want))
	}
}

func TestInputIsNotWanted(t *testing.T) {
	from, writer := pipe(t, 0)
	to, reader := pipe(t, 1)
	var in input
	in.source = from[0]
	in.open(to[1])
	if !in.move() || in.eof {
		t.Error("an empty pipe is not the end")
	}
	reader.Close()
	writer.Write([]byte("x"))
	// The Go runtime takes this SIGPIPE for nothing, as the descriptor is not 1 or 2.
	if in.move() {
		t.Error("nobody reads, and it is wanted")
	}
	in.close()
	if in.sink >= 0 || in.watchSource().fd >= 0 || in.watchSink().fd >= 0 {
		t.Error("still watched")
	}
}

func TestOutputMoves(t *testing.T) {
	want := sample()
	from, writer := pipe(t, 0)
	to, reader := pipe(t, 1)
	o := output{source: from[0], sink: to[1], chunk: &outputChunk}
	go func() {
		writer.Write(want)
		writer.Close()
	}()
	got := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(reader)
		got <- b
	}()
	for o.move() {
		p := o.watch()
		wait(p.fd, p.events)
	}
	o.close()
	syscall.Close(to[1])
	if b := <-got; !bytes.Equal(b, want) {
		t.Errorf("%d bytes, or others, of %d", len(b), len(want))
	}
}
