//go:build linux

package main

import (
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/bootcfg"
)

const (
	secure = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC

	disk    = "/c2w/disk"    // the root device, read-only
	writes  = "/c2w/writes"  // tmpfs: the overlay's upper and work directories
	newRoot = "/c2w/root"    // what becomes /
	console = "/dev/console" // until the real terminal is known
)

type baseMount struct {
	source, target, fstype string
	flags                  uintptr
	data                   string
}

// What is mounted before anything is known about the container; all of it moves
// into the root.
var baseMounts = []baseMount{
	{"devtmpfs", "/dev", "devtmpfs", syscall.MS_NOSUID, "mode=0755"},
	{"proc", "/proc", "proc", secure, ""},
	{"sysfs", "/sys", "sysfs", secure, ""},
	{"cgroup2", "/sys/fs/cgroup", "cgroup2", secure, "nsdelegate"},
	{"devpts", "/dev/pts", "devpts", syscall.MS_NOSUID | syscall.MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666"},
	{"tmpfs", "/dev/shm", "tmpfs", secure, "mode=1777"},
	{"mqueue", "/dev/mqueue", "mqueue", secure, ""},
}

// mountBase ignores failures: a kernel without one of these file systems still
// runs most programs.
func mountBase() {
	for _, m := range baseMounts {
		syscall.Mkdir(m.target, 0o755)
		syscall.Mount(m.source, m.target, m.fstype, m.flags, m.data)
	}
	syscall.Symlink("/proc/self/fd", "/dev/fd")
	syscall.Symlink("fd/0", "/dev/stdin")
	syscall.Symlink("fd/1", "/dev/stdout")
	syscall.Symlink("fd/2", "/dev/stderr")
	if fd, err := open(console, syscall.O_RDWR); err == nil {
		// Without /dev/console in the initramfs process 1 starts with no
		// descriptors at all.
		for i := range 3 {
			if fd != i {
				syscall.Dup3(fd, i, 0)
			}
		}
		if fd > 2 {
			syscall.Close(fd)
		}
	}
}

// enterRoot puts the container's root together and makes it this process's.
func enterRoot(spec *bootcfg.Spec) error {
	setClock(spec.Realtime)
	addEntropy(spec.Entropy)
	if spec.Hostname != "" {
		if err := syscall.Sethostname([]byte(spec.Hostname)); err != nil {
			return during("setting the host name "+spec.Hostname, err)
		}
	}
	loopbackUp()
	if err := mountRoot(spec.Root); err != nil {
		return err
	}
	for _, dir := range []string{"/dev", "/proc", "/sys"} {
		// A root without these directories, and read-only, goes without them.
		syscall.Mkdir(newRoot+dir, 0o755)
		syscall.Mount(dir, newRoot+dir, "", syscall.MS_MOVE, "")
	}
	if err := syscall.Chdir(newRoot); err != nil {
		return during("entering the root", err)
	}
	if err := syscall.Mount(".", "/", "", syscall.MS_MOVE, ""); err != nil {
		return during("moving the root", err)
	}
	if err := syscall.Chroot("."); err != nil {
		return during("changing the root", err)
	}
	if err := syscall.Chdir("/"); err != nil {
		return during("entering the root", err)
	}
	completeEtc(spec.Hostname)
	for _, m := range spec.Mounts {
		if err := makeDirs(m.Target); err != nil {
			return during("making the mount point "+m.Target, err)
		}
		var flags uintptr
		if m.ReadOnly {
			flags |= syscall.MS_RDONLY
		}
		if err := syscall.Mount(m.Source, m.Target, m.Type, flags, m.Options); err != nil {
			return during("mounting "+m.Type+" "+m.Source+" on "+m.Target, err)
		}
	}
	if spec.Dir != "" {
		makeDirs(spec.Dir)
		if err := syscall.Chdir(spec.Dir); err != nil {
			return during("entering the working directory "+spec.Dir, err)
		}
	}
	return nil
}

func mountRoot(root bootcfg.Root) error {
	for _, dir := range []string{"/c2w", disk, writes, newRoot} {
		if err := syscall.Mkdir(dir, 0o755); err != nil && err != syscall.EEXIST {
			return during("making "+dir, err)
		}
	}
	target := disk
	if root.ReadOnly {
		target = newRoot
	}
	if err := syscall.Mount(root.Device, target, root.Type, syscall.MS_RDONLY, root.Options); err != nil {
		return during("mounting the root device "+root.Device+" as "+root.Type, err)
	}
	if root.ReadOnly {
		return nil
	}
	data := "mode=0755"
	if root.UpperSize != "" {
		data += ",size=" + root.UpperSize
	}
	if err := syscall.Mount("tmpfs", writes, "tmpfs", 0, data); err != nil {
		return during("mounting the writable layer", err)
	}
	for _, dir := range []string{writes + "/upper", writes + "/work"} {
		if err := syscall.Mkdir(dir, 0o755); err != nil {
			return during("making "+dir, err)
		}
	}
	// The upper directory's owner and mode become those of /.
	var st syscall.Stat_t
	if err := syscall.Stat(disk, &st); err != nil {
		return during("reading the root directory", err)
	}
	syscall.Chown(writes+"/upper", int(st.Uid), int(st.Gid))
	syscall.Chmod(writes+"/upper", st.Mode&0o7777)
	// volatile: nothing of the upper layer outlives the run, so nothing is synced.
	data = "lowerdir=" + disk + ",upperdir=" + writes + "/upper,workdir=" + writes + "/work,redirect_dir=on,metacopy=on,volatile"
	return during("mounting the root's overlay", syscall.Mount("overlay", newRoot, "overlay", 0, data))
}

// completeEtc writes the files that a container's manager usually provides, if
// the image has none. A read-only root goes without.
func completeEtc(hostname string) {
	if hostname == "" {
		var buf syscall.Utsname
		if syscall.Uname(&buf) == nil {
			for _, c := range buf.Nodename {
				if c == 0 {
					break
				}
				hostname += string(rune(byte(c)))
			}
		}
	}
	syscall.Mkdir("/etc", 0o755)
	createFile("/etc/hostname", hostname+"\n")
	createFile("/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 "+hostname+"\n")
	createFile("/etc/resolv.conf", "# no name server is known\n")
}

func setClock(ns int64) {
	if ns != 0 {
		tv := syscall.NsecToTimeval(ns)
		syscall.Settimeofday(&tv)
	}
}

// addEntropy is RNDADDENTROPY, which also credits the bytes (random(4)).
func addEntropy(seed []byte) {
	if len(seed) == 0 {
		return
	}
	fd, err := open("/dev/random", syscall.O_WRONLY)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	const rndAddEntropy = 0x40085203
	var pool struct {
		bits, size int32
		buf        [bootcfg.MaxEntropy]byte
	}
	n := copy(pool.buf[:], seed)
	pool.bits, pool.size = int32(8*n), int32(n)
	ioctl(fd, rndAddEntropy, unsafe.Pointer(&pool))
}

// loopbackUp gives programs 127.0.0.1 and ::1.
func loopbackUp() {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	var request struct { // struct ifreq
		name  [16]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], "lo")
	request.flags = syscall.IFF_UP | syscall.IFF_RUNNING
	ioctl(fd, syscall.SIOCSIFFLAGS, unsafe.Pointer(&request))
}
