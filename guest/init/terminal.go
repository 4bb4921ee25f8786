//go:build linux

package main

import (
	"strconv"
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/format/agent"
)

// openTerminal makes a pseudo-terminal of the container's own and returns the
// command's end of it. The host's end is s.master. A descriptor of the command's
// end stays open, so that the terminal is not at its end whenever nobody has it
// open for a moment.
func (s *session) openTerminal(spec *agent.Spec) ([]int, error) {
	const action = "making the terminal"
	var command int
	err := s.container.inside(func() error {
		master, err := open("/dev/pts/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK)
		if err != nil {
			return during(action, err)
		}
		s.master = master
		var unlock, number int32
		if err := ioctl(master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock)); err != nil {
			return during(action, err)
		}
		if err := ioctl(master, syscall.TIOCGPTN, unsafe.Pointer(&number)); err != nil {
			return during(action, err)
		}
		path := "/dev/pts/" + strconv.Itoa(int(number))
		if s.slave, err = open(path, syscall.O_RDWR|syscall.O_NOCTTY); err != nil {
			return during(action, err)
		}
		if command, err = open(path, syscall.O_RDWR|syscall.O_NOCTTY); err != nil {
			return during(action, err)
		}
		if fd, err := syscall.Open("/dev/console", syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL|syscall.O_CLOEXEC, 0o600); err == nil {
			syscall.Close(fd)
		}
		// Few programs look for it: no reason not to run.
		syscall.Mount(path, "/dev/console", "", syscall.MS_BIND, "")
		return nil
	})
	if err != nil {
		return nil, err
	}
	resize(s.master, spec.Rows, spec.Cols)
	if spec.Cooked {
		// Whoever is there echoes what is typed and makes its own line ends.
		s.termios(func(t *syscall.Termios) {
			t.Lflag &^= syscall.ECHO
			t.Oflag &^= syscall.ONLCR
		})
	}
	source, err := syscall.Dup(s.master)
	if err != nil {
		return nil, during(action, err)
	}
	syscall.CloseOnExec(source)
	s.in.open(s.master)
	s.out[0].source = source
	return []int{command}, nil
}

// termios changes the terminal's settings.
func (s *session) termios(change func(*syscall.Termios)) {
	var t syscall.Termios
	if ioctl(s.slave, syscall.TCGETS, unsafe.Pointer(&t)) == nil {
		change(&t)
		ioctl(s.slave, syscall.TCSETS, unsafe.Pointer(&t))
	}
}

// resize tells the terminal its size in characters, if that is known.
func resize(terminal int, rows, cols uint16) {
	if rows != 0 && cols != 0 {
		size := struct{ rows, cols, x, y uint16 }{rows: rows, cols: cols}
		ioctl(terminal, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	}
}

// endOfInput is what a person types at the end: once at the beginning of a line,
// twice in its middle. A terminal without lines has no end.
func (s *session) endOfInput() []byte {
	var t syscall.Termios
	if ioctl(s.slave, syscall.TCGETS, unsafe.Pointer(&t)) != nil || t.Lflag&syscall.ICANON == 0 || t.Cc[syscall.VEOF] == 0 {
		return nil
	}
	end := []byte{t.Cc[syscall.VEOF]}
	if s.in.last != '\n' {
		end = append(end, end[0])
	}
	return end
}
