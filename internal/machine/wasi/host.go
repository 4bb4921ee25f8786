package wasi

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// Host is the engine that the machine runs on. It is for one goroutine.
type Host struct {
	sys system
	// blind is set once the engine refused to poll standard input: from then
	// on it counts as ready always, and reading it may block.
	blind bool
	// eof is set once standard input has ended; polling it then would report
	// readiness for ever, and an idle machine would spin.
	eof bool
	// closed holds, by descriptor, the outputs that were given up: finding out
	// may take a second, and is done once.
	closed [3]bool
	// blocking is set by AssumeBlocking.
	blocking bool
	// held is what the engine is taken to keep of standard output inside of
	// itself, see pieceOf.
	held held
	// identified, wasmtime and uvwasi are what identify found out.
	identified, wasmtime, uvwasi bool
	// looked is when standard input was last looked at on an engine where a
	// look takes a millisecond.
	looked int64

	fsys  fileSystem // nil on native hosts
	files hostfs.FS
}

const (
	millisecond = 1_000_000
	// longest is the longest single wait. It keeps a timeout in milliseconds
	// within 31 bits, where engines hand it to poll(2).
	longest = 3600 * 1000 * millisecond
	// lookEvery is the time between such looks, in nanoseconds: they take 2 % of
	// a busy machine's time, and a key is noticed in a twentieth of a second.
	lookEvery = 50 * millisecond
	// stuck is how often in a row a write may make no progress for no good
	// reason before it is given up; a millisecond each.
	stuck = 1000
	// atomic is what a pipe takes as a whole or not at all (PIPE_BUF). Engines
	// that lose count of what they wrote before an error lose nothing then. It
	// costs little: see docs/RATIONALE.md.
	atomic = 4096
	// large is the longest write to an output that is known to block.
	large = 1 << 20
	// lineBuffer is the size of the buffer through which wasmtime writes to
	// standard output.
	lineBuffer = 1024
)

// Monotonic returns nanoseconds since an arbitrary moment; it never goes back.
func (h *Host) Monotonic() int64 { return h.now(clockMonotonic) }

// Realtime returns nanoseconds since 1970-01-01 UTC.
func (h *Host) Realtime() int64 { return h.now(clockRealtime) }

func (h *Host) now(id clockID) int64 {
	t, errno := h.sys.clock(id)
	if errno != errnoSuccess {
		return 0
	}
	return t
}

// Random fills p with random bytes from the host.
func (h *Host) Random(p []byte) error {
	for len(p) > 0 {
		// 64 KiB is the most that a browser gives at once.
		n := min(len(p), 65536)
		if errno := h.sys.random(p[:n]); errno != errnoSuccess {
			return errno
		}
		p = p[n:]
	}
	return nil
}

// Wait sleeps until timeout nanoseconds have passed or, if stdin is set, until
// standard input can be read; it reports the latter. It may return early. A
// timeout ≤ 0 does not sleep. The machine asks for stdin only while it has
// room for input: unread input makes every Wait return at once.
func (h *Host) Wait(timeout int64, stdin bool) (ready bool) {
	timeout = min(timeout, longest)
	if !stdin || h.eof {
		if timeout > 0 {
			h.sleep(timeout)
		}
		return false
	}
	if h.blind {
		return true
	}
	if timeout > 0 && timeout < millisecond {
		// With standard input engines count in milliseconds and round down,
		// so that a short wait would be none: look, then sleep.
		if h.look() {
			return true
		}
		h.sleep(timeout)
		return false
	}
	if timeout <= 0 {
		return h.look()
	}
	return h.poll(timeout)
}

// look reports whether standard input can be read, without waiting where the
// engine can do that.
func (h *Host) look() (ready bool) {
	h.identify()
	if !h.uvwasi {
		return h.poll(0)
	}
	now := h.Monotonic()
	if now-h.looked < lookEvery {
		return false
	}
	if ready = h.poll(millisecond); !ready {
		h.looked = now // where something came, more may follow
	}
	return ready
}

// poll waits for standard input.
func (h *Host) poll(timeout int64) (ready bool) {
	timeout = (timeout + millisecond - 1) / millisecond * millisecond
	r, errno := h.sys.poll(timeout, true)
	switch {
	case errno == errnoIntr || errno == errnoAgain:
		return false
	case errno != errnoSuccess:
		h.blind = true
		return true
	}
	// That the clock's event is there says nothing; some engines always
	// report it. An error inside the event will be told by the read.
	return r.stdin
}

// sleep waits for the clock alone.
func (h *Host) sleep(timeout int64) { h.sys.poll(timeout, false) }

// ReadStdin reads what standard input has, up to len(p) bytes. It is meant to
// follow a Wait that reported readiness: otherwise it may block the machine.
// It returns 0 and no error if there is nothing after all, and io.EOF from the
// end on. A closed standard input is at its end.
func (h *Host) ReadStdin(p []byte) (int, error) {
	if h.eof {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, errno := h.sys.read(p)
	switch errno {
	case errnoSuccess:
		if n > 0 {
			return n, nil
		}
	case errnoAgain, errnoIntr:
		return 0, nil
	case errnoBadf:
	default:
		h.eof = true
		return 0, errno
	}
	h.eof = true
	return 0, io.EOF
}

// Write writes all of p to [Stdout] or [Stderr] and blocks as long as that
// takes. It returns [ErrClosed] when nobody reads any more, and from then on.
func (h *Host) Write(fd int, p []byte) error {
	if fd != Stdout && fd != Stderr {
		panic("BUG: wasi.Host.Write: descriptor " + itoa(fd))
	}
	if h.closed[fd] {
		return ErrClosed
	}
	idle := 0
	for len(p) > 0 {
		piece := h.pieceOf(fd, p)
		n, errno := h.sys.write(fd, piece)
		switch errno {
		case errnoSuccess:
			p = p[n:]
			if n > 0 {
				idle = 0
				h.held = held{}
				continue
			}
			if idle++; idle == stuck {
				return io.ErrNoProgress
			}
		case errnoIntr:
			continue
		case errnoAgain:
			// No engine but wasmtime can wait for output, so wait for time.
		case errnoPipe, errnoBadf:
			h.closed[fd] = true
			return ErrClosed
		case errnoIO:
			// On wasmtime this may be EAGAIN as well as EPIPE.
			if h.blocking {
				h.closed[fd] = true
				return ErrClosed
			}
			if fd == Stdout && h.isWasmtime() && h.held.take(piece) {
				p = p[len(piece):]
				continue
			}
			if idle++; idle == stuck {
				h.closed[fd] = true
				return ErrClosed
			}
		default:
			return errno
		}
		h.sleep(millisecond)
	}
	return nil
}

// AssumeBlocking tells that standard output and error block when they are full:
// the caller knows who made them. Writes then go out in pieces of up to 1 MiB,
// which through a pipe takes half the time on wasmtime. On a non-blocking output
// data would be lost or doubled on some engines.
func (h *Host) AssumeBlocking() { h.blocking = true }

// pieceOf returns the part of p that goes out with one call: as much as pipes
// take as a whole. wasmtime hands standard output to a buffer that is flushed up
// to the last newline and once more at the end, and keeps what a flush could not
// write. So its pieces end with a newline or have none, and those without are
// longer than the buffer if that is possible: these go out directly, in one
// call of the system, or fail with nothing kept.
func (h *Host) pieceOf(fd int, p []byte) []byte {
	if h.blocking {
		return p[:min(len(p), large)]
	}
	piece := p[:min(len(p), atomic)]
	if fd != Stdout || !h.isWasmtime() {
		return piece
	}
	if i := lastNewline(piece); i >= 0 {
		return piece[:i+1]
	}
	if rest := len(p) - len(piece); rest > 0 && rest < lineBuffer {
		return piece[:atomic-lineBuffer]
	}
	return piece
}

// lastNewline returns the index of the last newline in p, or -1. Package bytes
// goes byte by byte on Wasm, which took most of the time of writing.
func lastNewline(p []byte) int {
	const ones, tops, newlines = 0x0101010101010101, 0x8080808080808080, '\n' * 0x0101010101010101
	for len(p) >= 8 {
		w := binary.LittleEndian.Uint64(p[len(p)-8:]) ^ newlines
		if (w-ones)&^w&tops != 0 { // one of the bytes is 0
			break
		}
		p = p[:len(p)-8]
	}
	return bytes.LastIndexByte(p, '\n')
}

// held is what wasmtime keeps of pieces whose write failed.
type held struct {
	n    int
	line bool // it ends with a newline
}

// take decides what became of a piece whose write failed with EIO, and reports
// whether it was taken into the buffer: then it must not be written again, and
// goes out with whatever is written next or when the engine ends.
func (h *held) take(piece []byte) bool {
	line := piece[len(piece)-1] == '\n'
	if len(piece) > lineBuffer-h.n || len(piece) >= lineBuffer || h.n == 0 && line || h.line && !line {
		return false
	}
	h.n += len(piece)
	h.line = line
	return true
}

// Exit ends the program with status, of which the low 8 bits count, as for
// processes. An engine that refuses statuses above 125 gets 125 and the true
// one as the last line on standard error. It does not return.
func (h *Host) Exit(status int) {
	status &= 0xff
	if status > 125 && h.isWasmtime() {
		_ = h.Write(Stderr, []byte("c2w: exit status "+itoa(status)+"\n"))
		status = 125
	}
	if h.held.n > 0 {
		// The engine tries once more as it ends: give the reader some time.
		h.sleep(100 * millisecond)
	}
	h.sys.exit(status)
}

// identify recognises engines by the clock of the process's CPU time: wasmtime
// is the only one seen to answer "bad descriptor", and the library in Node the
// only one to have that clock, but for others that look like it.
func (h *Host) identify() {
	if !h.identified {
		_, errno := h.sys.clock(clockProcess)
		h.identified, h.wasmtime, h.uvwasi = true, errno == errnoBadf, errno == errnoSuccess
	}
}

// CompilesLate reports whether the engine is known to compile functions while
// they run, so that those that run little cost more than they save.
func (h *Host) CompilesLate() bool {
	h.identify()
	return h.uvwasi
}

func (h *Host) isWasmtime() bool {
	h.identify()
	return h.wasmtime
}

// Files returns the directories that the host handed over, or nil if there are
// none.
func (h *Host) Files() hostfs.FS {
	if h.files == nil && h.fsys != nil {
		if f := newFiles(h.fsys, h.isWasmtime()); len(f.roots) > 0 {
			f.now = h.Monotonic
			f.unsignedTimes = h.wasmtime || h.uvwasi
			if f.linkTimes = f.unsignedTimes; !f.linkTimes {
				f.findLinkTimes()
			}
			h.files = f
		}
	}
	return h.files
}

// IsTerminal reports whether a standard descriptor, 0 to 2, seems to be a
// terminal: a character device without a position. Preview 1 cannot say it more
// exactly; natively it is always false.
func (h *Host) IsTerminal(fd int) bool {
	if h.fsys == nil {
		return false
	}
	st, errno := h.fsys.fdstat(uint32(fd))
	if errno != errnoSuccess || st.filetype != filetypeChar {
		return false
	}
	// /dev/null has a position.
	return h.fsys.seek(uint32(fd), 0, whenceCur) != errnoSuccess
}

// unblock undoes what Go's package syscall did before main: it makes the
// standard streams non-blocking, and with them whatever else shares these open
// files, such as the shell of the user's terminal. The other flags stay; some
// engines report them in their own numbers, which they take for other flags if
// they are given back, but package syscall gave them back already.
func (h *Host) unblock() {
	for fd := range uint32(3) {
		st, errno := h.fsys.fdstat(fd)
		if errno == errnoSuccess && (st.flags&fdflagNonblock != 0 || st.flags >= 1<<5) {
			h.fsys.setFlags(fd, st.flags&^fdflagNonblock)
		}
	}
}

// Args returns the arguments, the program's name first.
func (h *Host) Args() []string { return h.sys.args() }

// Environ returns the environment as NAME=value.
func (h *Host) Environ() []string { return h.sys.environ() }

// Poll reports, without waiting, whether standard input can be read.
func (h *Host) Poll() bool { return h.Wait(0, true) }

// Stdin reads standard input as an io.Reader that blocks until there is
// something.
func (h *Host) Stdin() io.Reader { return stdinReader{h} }

type stdinReader struct{ h *Host }

func (r stdinReader) Read(p []byte) (int, error) {
	for {
		if !r.h.eof && !r.h.Wait(longest, true) {
			continue
		}
		n, err := r.h.ReadStdin(p)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// AtEOF reports whether standard input has ended.
func (h *Host) AtEOF() bool { return h.eof }

var _ error = Errno(0)

// IsClosed reports whether err says that the output's reader is gone.
func IsClosed(err error) bool { return errors.Is(err, ErrClosed) }
