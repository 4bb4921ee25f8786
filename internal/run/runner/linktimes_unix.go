//go:build linux || darwin

package runner

import "golang.org/x/sys/unix"

const canSetLinkTimes = true

// setLinkTimes sets the times of name, of a symbolic link itself, in nanoseconds
// since 1970.
func setLinkTimes(name string, atime, mtime int64) error {
	ts := []unix.Timespec{unix.NsecToTimespec(atime), unix.NsecToTimespec(mtime)}
	return unix.UtimesNanoAt(unix.AT_FDCWD, name, ts, unix.AT_SYMLINK_NOFOLLOW)
}
