package wasi

// Difference is one deviation of an engine from what the machine would like,
// and what is done about it. All were observed, with the engine's version at
// that time: wasmtime 49, wazero 1.12, Node 20.
type Difference struct {
	Engine   string // "all" where preview 1 itself is to blame
	Call     string // of preview 1
	Does     string
	Fallback string
	// Test names the entry of the tests' table that shows the fallback on an
	// engine that behaves so.
	Test string
}

// Differences is the table. Behaviour of file systems is the concern of what
// serves files and has its own rows there.
var Differences = []Difference{
	{"Node", "poll_oneoff", "fails as a whole when standard input is a file, /dev/null or closed",
		"standard input counts as ready from then on; reading such a thing does not block", "blind poll"},
	{"wazero", "poll_oneoff", "reports the clock's event always, expired or not",
		"only the event of standard input is looked at", "clock always reported"},
	{"wazero, Node", "poll_oneoff", "counts in whole milliseconds, rounded down, when standard input is watched too",
		"timeouts are rounded up; below one millisecond standard input is looked at first and then only slept", "rounding"},
	{"wazero", "poll_oneoff", "cuts the timeout in milliseconds to 31 bits",
		"one wait is an hour at most", "longest wait"},
	{"all", "poll_oneoff", "finds a standard input that has ended ready for ever",
		"it is not watched any more once a read has seen the end", "spinning at the end"},
	{"wasmtime", "poll_oneoff", "may report an error inside of the event of standard input",
		"it counts as ready and the read says what is wrong", "error in event"},
	{"all", "fd_read", "finds nothing after readiness was reported, on descriptors shared with a non-blocking process",
		"EAGAIN and EINTR are no data, not the end", "false readiness"},
	{"all", "fd_read", "fails with EBADF on a closed standard input",
		"that is its end", "closed stdin"},
	{"all", "fd_write", "writes a part, or says EAGAIN on a non-blocking pipe or terminal",
		"the rest is written, after a millisecond's sleep where nothing was accepted; no engine but wasmtime can wait for output", "partial writes"},
	{"wasmtime", "fd_write", "makes EAGAIN and EPIPE EIO, and loses count of what was written before",
		"at most 4096 bytes a call, which pipes take as a whole or not at all; EIO means closed after a second", "EIO for EAGAIN"},
	{"all", "fd_write", "fails with EPIPE or EBADF when the reader is gone; some engines die of the signal instead",
		"one error for both, ErrClosed", "reader gone"},
	{"wasmtime", "proc_exit", "traps on statuses above 125",
		"125, and the true status as a line on standard error; wasmtime is known by clock_time_get's EBADF for the process's CPU time", "high status"},
	{"browsers", "random_get", "gives at most 65,536 bytes a call",
		"larger requests are split", "large random"},
}
