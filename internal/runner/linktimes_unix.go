//go:build linux || darwin

package runner

import (
	experimentalsys "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/sys"
	"golang.org/x/sys/unix"
)

const canSetLinkTimes = true

// setLinkTimes sets the times of name, of a symbolic link itself, in nanoseconds
// since 1970. UTIME_OMIT leaves one as it is in st, what the file has: not every
// system can leave one out.
func setLinkTimes(name string, st sys.Stat_t, atime, mtime int64) error {
	if atime == experimentalsys.UTIME_OMIT {
		atime = st.Atim
	}
	if mtime == experimentalsys.UTIME_OMIT {
		mtime = st.Mtim
	}
	ts := []unix.Timespec{unix.NsecToTimespec(atime), unix.NsecToTimespec(mtime)}
	return unix.UtimesNanoAt(unix.AT_FDCWD, name, ts, unix.AT_SYMLINK_NOFOLLOW)
}
