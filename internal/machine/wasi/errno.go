package wasi

import "github.com/c2w/c2w/internal/machine/hostfs"

// More error numbers that something is done about.
const (
	errnoExist      Errno = 20
	errnoIlseq      Errno = 25
	errnoIsdir      Errno = 31
	errnoMfile      Errno = 33
	errnoNfile      Errno = 41
	errnoNobufs     Errno = 42
	errnoNoent      Errno = 44
	errnoNosys      Errno = 52
	errnoNotdir     Errno = 54
	errnoPerm       Errno = 63
	errnoRange      Errno = 68
	errnoRofs       Errno = 69
	errnoNotcapable Errno = 76
)

// linux holds Linux's number for each of preview 1, in preview 1's order.
var linux = [...]hostfs.Errno{
	0, 7, 13, 98, 99, 97, 11, 114, 9, 74, // success 2big acces addrinuse addrnotavail afnosupport again already badf badmsg
	16, 125, 10, 103, 111, 104, 35, 89, 33, 122, // busy canceled child connaborted connrefused connreset deadlk destaddrreq dom dquot
	17, 14, 27, 113, 43, 84, 115, 4, 22, 5, // exist fault fbig hostunreach idrm ilseq inprogress intr inval io
	106, 21, 40, 24, 31, 90, 72, 36, 100, 102, // isconn isdir loop mfile mlink msgsize multihop nametoolong netdown netreset
	101, 23, 105, 19, 2, 8, 37, 67, 12, 42, // netunreach nfile nobufs nodev noent noexec nolck nolink nomem nomsg
	92, 28, 38, 107, 20, 39, 131, 88, 95, 25, // noprotoopt nospc nosys notconn notdir notempty notrecoverable notsock notsup notty
	6, 75, 130, 1, 32, 71, 93, 91, 34, 30, // nxio overflow ownerdead perm pipe proto protonosupport prototype range rofs
	29, 3, 116, 110, 26, 18, 1, // spipe srch stale timedout txtbsy xdev notcapable
}

// Linux returns the error number that Linux has for e. What preview 1 alone
// has, a missing capability, is EPERM; what preview 1 does not have is EIO.
func (e Errno) Linux() hostfs.Errno {
	if int(e) < len(linux) {
		return linux[e]
	}
	return hostfs.EIO
}
