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

// Differences is the table: of clocks, streams and the end here, of files in
// [FileDifferences].
var Differences = []Difference{
	{"Node", "poll_oneoff", "fails as a whole when standard input is a file, /dev/null or closed",
		"standard input counts as ready from then on; reading such a thing does not block", "blind poll"},
	{"wazero", "poll_oneoff", "reports the clock's event always, expired or not",
		"only the event of standard input is looked at", "clock always reported"},
	{"wazero, Node", "poll_oneoff", "counts in whole milliseconds, rounded down, when standard input is watched too",
		"timeouts are rounded up; below one millisecond standard input is looked at first and then only slept", "rounding"},
	{"Node", "poll_oneoff", "never finds standard input ready if the timeout is below a millisecond",
		"a look at it waits for a millisecond, and is done every 50; Node is known by its clock of the process's CPU time", "blind look"},
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
	{"wazero", "fd_write", "loses count of what it wrote before EAGAIN, on a pipe that became non-blocking while it ran",
		"at most 4096 bytes a call there too", "EIO for EAGAIN"},
	{"wasmtime", "fd_write", "buffers standard output's last line, and keeps of it what could not be written though it reports EIO",
		"pieces end with a newline or have none; what was kept is not written twice", "buffered lines"},
	{"wazero, Node", "fd_fdstat_set_flags", "is called by Go's package syscall, which makes the standard streams non-blocking, for the user's shell too",
		"they are made blocking again at the start", "streams made non-blocking"},
	{"wazero, Node", "fd_fdstat_get", "says character device of /dev/null as of a terminal",
		"what has a position is no terminal", "null is no terminal"},
	{"all", "fd_write", "fails with EPIPE or EBADF when the reader is gone; some engines die of the signal instead",
		"one error for both, ErrClosed", "reader gone"},
	{"wasmtime", "proc_exit", "traps on statuses above 125",
		"125, and the true status as a line on standard error; wasmtime is known by clock_time_get's EBADF for the process's CPU time", "high status"},
	{"Node", "_start", "compiles a function badly when it is first called, and well some calls later, both while the file runs",
		"page functions have to be worth it before they are called; Node is known as above, other hosts may say so by a hook", "late compilation"},
	{"browsers", "random_get", "gives at most 65,536 bytes a call",
		"larger requests are split", "large random"},
}

// FileDifferences is the table of what concerns files.
var FileDifferences = []Difference{
	{"wazero, Node", "path_*", "remember a directory by its path: after a rename, or a link in its place, that leads to another, outside of what was handed over too",
		"before each use of a directory its path is seen to lead to the inode that was opened; if not, ESTALE", "stale path"},
	{"Node", "path_open", "follows a symbolic link although it was told not to",
		"the name is looked at first; what is created is created exclusively", "links followed"},
	{"wazero, Node", "path_open", "opens whatever has the name by then",
		"the inode that was opened must be the one that was looked at", "changed before opening"},
	{"all", "path_open", "blocks on a FIFO that nobody has open at its other end",
		"only files and directories are opened", "links followed"},
	{"wasmtime, wazero", "path_open", "says EIO when the process has no descriptor left",
		"EMFILE if the first directory cannot be opened either; eight fewer are used from then on", "too many open"},
	{"wazero", "path_*", "hands names to Windows, where backslashes part them and some are devices",
		"names that do not stand for themselves there have EILSEQ, if the first directory has a name with a backslash", "names on Windows"},
	{"wazero, Node", "path_link", "links what a symbolic link leads to, on macOS",
		"such a link is removed again", "link of a link"},
	{"wazero", "path_filestat_set_times", "follows a symbolic link although it was told not to",
		"files and directories are opened for it; links have EOPNOTSUPP but on wasmtime", "times through a link"},
	{"wasmtime", "fd_readdir", "fails as a whole with EILSEQ if one name is not UTF-8",
		"so does the listing, as no other call tells names; the names themselves can be used", "one bad name"},
	{"wazero", "path_*", "refuses names that are not UTF-8 with EPERM, though it lists them",
		"EILSEQ", "name not UTF-8"},
	{"all", "fd_readdir", "numbers entries anew at each call, so that a reader who removes them misses others",
		"a listing is read once, and kept until its reader has come to the end", "numbered anew"},
	{"wasmtime, Node", "fd_readdir", "goes through the whole directory for each call",
		"one call with a buffer of 8 MiB where the directory's size says that it is large", "whole directory a call"},
	{"wasmtime", "fd_readdir", "fails with ENOENT if an entry vanishes meanwhile",
		"once more, a few times", "vanished while listed"},
	{"wasmtime", "fd_pread, fd_pwrite", "takes the first buffer only",
		"the rest in further calls", "first buffer only"},
	{"wasmtime", "fd_pread", "reads at most 64 KiB",
		"fd_seek and fd_read, which do not", "short reads"},
	{"wazero", "fd_pwrite", "fails on a file that is open for appending; others heed the position or do not",
		"fd_write", "append at a position"},
	{"wazero", "path_open", "says ENOSYS for EROFS, and creates files in a read-only directory for those who ask to read only",
		"EROFS; to create always asks for writing", "read-only"},
	{"wazero", "fd_fdstat_get", "does not say that a directory is read-only",
		"making a directory that exists tells it, as EROFS comes before EEXIST", "read-only"},
	{"wazero", "path_rename, path_link", "says ENOSYS from one preopened directory to another",
		"EXDEV", "from one to another"},
	{"wazero", "path_unlink_file", "says EISDIR for EPERM; hosts but Linux the other way round",
		"a look at the type decides", "unlink of a directory"},
	{"wasmtime", "fd_sync", "fails with EBADF on directories",
		"success: when names are on the medium is the host's matter there", "sync of a directory"},
	{"Node", "fd_datasync", "fails with ENOTCAPABLE on files that are open for reading",
		"fd_sync", "sync of a directory"},
	{"all", "path_readlink", "says ERANGE (wazero) or ENOBUFS (Node) for a small buffer, or cuts the target (wasmtime)",
		"ENAMETOOLONG", "readlink's buffer"},
	{"all", "path_symlink", "refuses absolute targets, and on Node what leads out",
		"EPERM; such links cannot be made on hosts", "target leads out"},
}
