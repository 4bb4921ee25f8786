//go:build linux

package main

import (
	"strings"
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/bootcfg"
)

// terminal is the terminal behind the console.
type terminal struct {
	fd       int
	dev      int // /dev, wherever it is mounted now
	name     string
	original syscall.Termios // what it came with
	wanted   syscall.Termios
}

// openTerminal opens the terminal behind the console (the console device itself
// cannot be a controlling terminal) and makes it a stream at once: what arrives
// early must not be echoed.
func openTerminal() *terminal {
	name := strings.TrimSpace(readFile("/sys/class/tty/console/active"))
	t := &terminal{name: name[strings.LastIndexByte(name, ' ')+1:]}
	t.dev, _ = open("/dev", syscall.O_RDONLY|syscall.O_DIRECTORY)
	t.open()
	ioctl(t.fd, syscall.TCGETS, unsafe.Pointer(&t.original))
	t.wanted = t.original
	makeStream(&t.wanted)
	t.apply()
	return t
}

// open leaves descriptor 0, the console, in fd if there is no terminal.
func (t *terminal) open() {
	t.fd = 0
	retry(func() error {
		fd, err := syscall.Openat(t.dev, t.name, syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
		if err == nil {
			t.fd = fd
		}
		return err
	})
}

func (t *terminal) apply() { ioctl(t.fd, syscall.TCSETS, unsafe.Pointer(&t.wanted)) }

// reopen is for when the terminal was hung up, as it is when its session's
// leader ends: descriptors from before only fail, and the settings are lost.
func (t *terminal) reopen() {
	t.open()
	t.apply()
}

// setUp turns the stream back into a terminal if the program is to have one.
func (t *terminal) setUp(spec *bootcfg.Spec) {
	if !spec.Terminal {
		return
	}
	t.wanted = t.original
	t.apply()
	if spec.Rows != 0 && spec.Cols != 0 {
		size := struct{ rows, cols, x, y uint16 }{rows: spec.Rows, cols: spec.Cols}
		ioctl(t.fd, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	}
}

// makeStream lets every byte through unchanged, in both directions, except that
// input is read by lines and has the two special characters of
// [bootcfg.InputEncoder].
func makeStream(t *syscall.Termios) {
	const extProc = 0o200000
	t.Iflag &^= syscall.ISTRIP | syscall.INLCR | syscall.IGNCR | syscall.ICRNL | syscall.IXON | syscall.IXOFF | syscall.IXANY | syscall.PARMRK | syscall.INPCK | syscall.IUCLC
	t.Oflag &^= syscall.OPOST
	t.Lflag &^= syscall.ECHO | syscall.ECHOE | syscall.ECHOK | syscall.ECHONL | syscall.ECHOCTL | syscall.ECHOKE | syscall.ISIG | extProc
	t.Lflag |= syscall.ICANON | syscall.IEXTEN
	for i := range t.Cc {
		t.Cc[i] = 0 // _POSIX_VDISABLE
	}
	t.Cc[syscall.VEOF] = bootcfg.InputEOF
	t.Cc[syscall.VLNEXT] = bootcfg.InputQuote
	t.Cc[syscall.VMIN] = 1 // for programs that only clear ICANON
}
