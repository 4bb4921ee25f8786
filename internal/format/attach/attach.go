// Package attach is the protocol that a file speaks on its standard input and
// output when it is run with --attach=stdio: the container's streams, its
// terminal's size, signals and exit status as frames. docs/attach.md is the
// specification.
//
// A conversation: the client sends [Hello], the machine answers [Welcome] and
// starts the program. The machine sends [Stdout] and [Stderr]; it grants credit
// by [Window], and within it the client sends [Stdin]. Everything else passes
// at any time. [Exit] is the machine's last frame.
//
// The package is part of the machine (wasip1), where every byte of code is in
// every file: it knows no files, terminals or clocks, and uses neither
// reflection nor fmt. The client is package attach/client.
package attach

// Version is the newest version of the protocol that this package speaks, and
// so far the only one.
const Version = 1

// Side is who sent a stream of frames.
type Side uint8

const (
	Client  Side = iota // holds the real terminal, streams and status
	Machine             // runs the container
)

// Message is one of [Hello], [Stdin], [StdinEnd], [Resize], [Signal], [Stop] and
// [CloseOutput], which the client sends, and of [Welcome], [Stdout], [Stderr],
// [Window], [StdinClosed], [Text] and [Exit], which the machine sends.
type Message interface {
	kind() byte
	appendPayload(dst []byte) []byte
	check() error
}

// The kinds of frames: 0x01 to 0x1f come from the client, 0x20 to 0x3f from the
// machine. 0x40 to 0x4f are reserved for Ethernet frames, either way.
const (
	kindHello       = 0x01
	kindStdin       = 0x02
	kindStdinEnd    = 0x03
	kindResize      = 0x04
	kindSignal      = 0x05
	kindStop        = 0x06
	kindCloseOutput = 0x07

	kindWelcome     = 0x20
	kindStdout      = 0x21
	kindStderr      = 0x22
	kindWindow      = 0x23
	kindStdinClosed = 0x24
	kindText        = 0x25
	kindExit        = 0x26
)

// Hello is the client's first frame.
type Hello struct {
	// Version is the newest version that the client speaks, at least 1.
	Version uint16
	// Terminal asks for a terminal: the program's three streams are one
	// pseudo-terminal, whose output is Stdout.
	Terminal bool
	// Stdin says that the client has input to send; without it the program
	// finds the end of its input at once.
	Stdin bool
	// Rows and Cols are the terminal's size in characters; 0 means unknown.
	Rows, Cols uint16
}

// Stdin is input for the program. A whole frame needs credit: see [Window].
type Stdin struct{ Data []byte }

// StdinEnd says that no Stdin follows. A program without a terminal finds the
// end of its input behind all that was sent; one with a terminal is told
// nothing, as nobody can end a terminal's input but by hanging up.
type StdinEnd struct{}

// Resize says that the terminal has another size now, in characters.
type Resize struct{ Rows, Cols uint16 }

// Signal is to be sent to the container's process 1.
type Signal struct {
	Number uint8 // Linux's, 1 to 64
}

// Stop ends the container: the image's stop signal at once, and Grace
// milliseconds later the death of all processes.
type Stop struct{ Grace uint32 }

// CloseOutput says that nobody reads a stream any more: who writes to it in the
// container gets a broken pipe.
type CloseOutput struct {
	Stream uint8 // 1 for Stdout, 2 for Stderr
}

// Welcome is the machine's answer to [Hello].
type Welcome struct {
	// Version is the one that both speak from here on, at least 1 and at most
	// Hello's.
	Version uint16
	// Terminal says that the program has a terminal. It is as in Hello.
	Terminal bool
	// StopSignal is the number of the signal that [Stop] begins with, 1 to 64.
	StopSignal uint8
}

// Stdout is output of the program.
type Stdout struct{ Data []byte }

// Stderr is error output of a program without a terminal.
type Stderr struct{ Data []byte }

// Window lets the client send Bytes bytes more of Stdin data, at least 1, such
// that the credit left is never more than [MaxCredit].
type Window struct{ Bytes uint32 }

// StdinClosed says that the program's input has no reader any more: what is
// still sent is dropped.
type StdinClosed struct{}

// Text is a line of the machine's own, for the user. [Line] makes any text fit.
type Text struct {
	Line string // 1 to MaxText bytes of UTF-8 without control characters
}

// Exit says how the run ended.
type Exit struct {
	// Status is the program's exit status, or 128+Signal, or the machine's.
	Status uint8
	// Signal is the number of the signal that killed the program, else 0.
	Signal uint8
	// OutOfMemory says that the guest killed a process for want of memory.
	OutOfMemory bool
	// Own says that Status is not the program's but the machine's: it was
	// never started, or its end is unknown.
	Own bool
}

func (Hello) kind() byte       { return kindHello }
func (Stdin) kind() byte       { return kindStdin }
func (StdinEnd) kind() byte    { return kindStdinEnd }
func (Resize) kind() byte      { return kindResize }
func (Signal) kind() byte      { return kindSignal }
func (Stop) kind() byte        { return kindStop }
func (CloseOutput) kind() byte { return kindCloseOutput }
func (Welcome) kind() byte     { return kindWelcome }
func (Stdout) kind() byte      { return kindStdout }
func (Stderr) kind() byte      { return kindStderr }
func (Window) kind() byte      { return kindWindow }
func (StdinClosed) kind() byte { return kindStdinClosed }
func (Text) kind() byte        { return kindText }
func (Exit) kind() byte        { return kindExit }
