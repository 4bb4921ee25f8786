package hostfs

// Errno is an error number of Linux, as its generic ABI has them (riscv64,
// arm64, x86_64); 0 is no error.
type Errno uint32

// The error numbers that implementations return and servers make.
const (
	OK           Errno = 0
	EPERM        Errno = 1
	ENOENT       Errno = 2
	EINTR        Errno = 4
	EIO          Errno = 5
	ENXIO        Errno = 6
	EBADF        Errno = 9
	EAGAIN       Errno = 11
	ENOMEM       Errno = 12
	EACCES       Errno = 13
	EBUSY        Errno = 16
	EEXIST       Errno = 17
	EXDEV        Errno = 18
	ENODEV       Errno = 19
	ENOTDIR      Errno = 20
	EISDIR       Errno = 21
	EINVAL       Errno = 22
	ENFILE       Errno = 23
	EMFILE       Errno = 24
	ETXTBSY      Errno = 26
	EFBIG        Errno = 27
	ENOSPC       Errno = 28
	ESPIPE       Errno = 29
	EROFS        Errno = 30
	EMLINK       Errno = 31
	EPIPE        Errno = 32
	EDEADLK      Errno = 35
	ENAMETOOLONG Errno = 36
	ENOLCK       Errno = 37
	ENOSYS       Errno = 38
	ENOTEMPTY    Errno = 39
	ELOOP        Errno = 40
	EPROTO       Errno = 71
	EOVERFLOW    Errno = 75
	EILSEQ       Errno = 84
	EOPNOTSUPP   Errno = 95
	ESTALE       Errno = 116
	EDQUOT       Errno = 122
)

func (e Errno) Error() string {
	var digits [10]byte
	i := len(digits)
	for n := uint32(e); i == len(digits) || n > 0; n /= 10 {
		i--
		digits[i] = '0' + byte(n%10)
	}
	return "error " + string(digits[i:]) + " of Linux"
}
