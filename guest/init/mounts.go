//go:build linux

package main

import (
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/format/agent"
)

const (
	secure = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC

	disk     = "/c2w/disk"   // the root device, read-only
	writes   = "/c2w/writes" // tmpfs: the overlay's upper and work directories
	hostDirs = "/c2w/host"   // the host's directories, by number

	// hostOptions of the 9p mount. access=user: the server is told who acts, and
	// so can say later whose a file is. cache=7 (Linux, enum p9_cache_bits): reads
	// ahead, remembers names and attributes, and lets files be mapped for writing,
	// which databases do; what is written goes to the host at once all the same
	// (guest/kernel/patches). Names that are not there are asked
	// for each time; the others until refreshHost. Unpacking an archive takes 15
	// requests for each file; with cache=mmap, which remembers no names, 45.
	// noxattr: the host has none, and would be asked for a capability's at each
	// write. The kernel lowers msize to what its transport can carry.
	hostOptions = "trans=virtio,version=9p2000.L,msize=1048576,access=user,cache=7,noxattr"

	// hostMemory is for how long the guest may go on with what it knows of the
	// host's files, in nanoseconds.
	hostMemory = 1e9
)

// storedSoon is for how long what a program has stored into a mapped file of the
// host may stay here, in hundredths of a second, twice: the kernel looks that
// often, while there is something, for what is that old.
const storedSoon = "5"

// storeSoon makes the kernel send what mapped files have. No other file system
// here writes back: memory has nowhere to, and the disk cannot be written.
func storeSoon() {
	writeFile("/proc/sys/vm/dirty_expire_centisecs", storedSoon)
	writeFile("/proc/sys/vm/dirty_writeback_centisecs", storedSoon)
}

// refreshHost makes the kernel forget the names of the host's files that nobody
// uses: a remount does that first of all (fs/super.c, reconfigure_super). A file
// that is looked up again is another one if the server's version of it differs.
func refreshHost() {
	syscall.Mount(agent.HostTag, hostDirs, "9p", syscall.MS_REMOUNT, hostOptions)
}

// leaveInitramfs makes a bind mount of the first file system the root. The
// kernel's own root has no parent, so pivot_root, by which runc puts the
// container on its root, would be refused (pivot_root(2), EINVAL). Nothing is
// copied. On a failure runc will say why it cannot go on.
func leaveInitramfs() {
	const dir = "/c2w"
	syscall.Mkdir(dir, 0o755)
	if syscall.Mount("/", dir, "", syscall.MS_BIND, "") == nil && syscall.Chdir(dir) == nil &&
		syscall.Mount(".", "/", "", syscall.MS_MOVE, "") == nil {
		syscall.Chroot(".")
	}
	syscall.Chdir("/")
}

type baseMount struct {
	source, target, fstype string
	flags                  uintptr
	data                   string
}

// What init and runc need. The container gets its own.
var baseMounts = []baseMount{
	{"devtmpfs", "/dev", "devtmpfs", syscall.MS_NOSUID, "mode=0755"},
	{"proc", "/proc", "proc", secure, ""},
	{"sysfs", "/sys", "sysfs", secure, ""},
	{"cgroup2", "/sys/fs/cgroup", "cgroup2", secure, "nsdelegate,memory_recursiveprot"},
}

// mountBase ignores failures: what needs one of these file systems will say so.
func mountBase() {
	for _, m := range baseMounts {
		syscall.Mount(m.source, m.target, m.fstype, m.flags, m.data)
	}
	if fd, err := open("/dev/console", syscall.O_RDWR); err == nil {
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

// mountRoot makes the container's root: the device below, memory above.
func mountRoot(root agent.Root) error {
	for _, dir := range []string{"/c2w", disk, writes, agent.RootDir} {
		if err := syscall.Mkdir(dir, 0o755); err != nil && err != syscall.EEXIST {
			return during("making "+dir, err)
		}
	}
	if err := syscall.Mount(root.Device, disk, root.Type, syscall.MS_RDONLY, root.Options); err != nil {
		return during("mounting the root device "+root.Device+" as "+root.Type, err)
	}
	data := "mode=0755"
	if root.UpperSize != "" {
		data += ",size=" + root.UpperSize
	}
	if err := mountWrites(data); err != nil {
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
	// xino=on: the two file systems' numbers, which are small, get a bit that tells
	// them apart, so that a listing, stat(2) and the mount itself agree on numbers.
	data = "lowerdir=" + disk + ",upperdir=" + writes + "/upper,workdir=" + writes + "/work,redirect_dir=on,metacopy=on,xino=on,volatile"
	return during("mounting the root's overlay", syscall.Mount("overlay", agent.RootDir, "overlay", 0, data))
}

// inodeCost is what the kernel counts for a file beside its content, in bytes
// (mm/shmem.c, BOGO_INODE_SIZE), and about what it takes: docs/RATIONALE.md.
const inodeCost = 1024

// mountWrites mounts the writable layer's tmpfs. Its size bounds content and,
// once more, what files take beside it; by itself the kernel allows a file for
// each two pages of RAM, whatever the size.
func mountWrites(options string) error {
	err := syscall.Mount("tmpfs", writes, "tmpfs", 0, options)
	if err != nil {
		return err
	}
	var fs syscall.Statfs_t
	if err = syscall.Statfs(writes, &fs); err == nil && fs.Blocks > 0 {
		files := fs.Blocks * uint64(fs.Bsize) / inodeCost
		err = syscall.Mount("tmpfs", writes, "tmpfs", syscall.MS_REMOUNT, "nr_inodes="+strconv.FormatUint(files, 10))
	}
	return err
}

// onHost reports whether some mount is a directory of the host.
func onHost(mounts []agent.Mount) bool {
	for _, m := range mounts {
		if m.Index != agent.InMemory {
			return true
		}
	}
	return false
}

// hostMounts makes the mounts of the host's directories, attached to nothing
// yet: descriptors for [attach], one for each mount, -1 for those in memory.
func hostMounts(mounts []agent.Mount) ([]int, error) {
	if !onHost(mounts) {
		return make([]int, len(mounts)), nil
	}
	syscall.Mkdir(hostDirs, 0o755)
	if err := syscall.Mount(agent.HostTag, hostDirs, "9p", 0, hostOptions); err != nil {
		return nil, during("mounting the host's directories", err)
	}
	storeSoon()
	var trees []int
	for _, m := range mounts {
		if m.Index == agent.InMemory {
			trees = append(trees, -1)
			continue
		}
		fd, err := openTree(hostDirs + "/" + strconv.Itoa(int(m.Index)))
		if err == nil && m.ReadOnly {
			err = makeReadOnly(fd)
		}
		if err != nil {
			return nil, during("taking the host's directory for "+m.Target, err)
		}
		trees = append(trees, fd)
	}
	return trees, nil
}

// The system calls around detached mounts, with the same numbers everywhere.
const (
	sysOpenTree     = 428
	sysMoveMount    = 429
	sysPidfdOpen    = 434
	sysCloseRange   = 436
	sysMountSetattr = 442

	atFdcwd     = ^uintptr(99) // -100
	atEmptyPath = 0x1000
)

// openTree is open_tree(OPEN_TREE_CLONE): a bind mount of a path, nowhere yet.
func openTree(path string) (int, error) {
	const clone, cloexec = 1, syscall.O_CLOEXEC
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	fd, _, errno := syscall.Syscall(sysOpenTree, atFdcwd, uintptr(unsafe.Pointer(p)), clone|cloexec)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

func makeReadOnly(tree int) error {
	const rdonly = 1
	attr := [4]uint64{rdonly} // struct mount_attr: what to set, to clear, propagation, user namespace
	empty := [1]byte{}
	_, _, errno := syscall.Syscall6(sysMountSetattr, uintptr(tree), uintptr(unsafe.Pointer(&empty)), atEmptyPath, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	return failure(errno)
}

// attach puts a detached mount on a path and closes its descriptor.
func attach(tree int, target string) error {
	const fromEmptyPath = 4
	defer syscall.Close(tree)
	p, err := syscall.BytePtrFromString(target)
	if err != nil {
		return err
	}
	empty := [1]byte{}
	_, _, errno := syscall.Syscall6(sysMoveMount, uintptr(tree), uintptr(unsafe.Pointer(&empty)), atFdcwd, uintptr(unsafe.Pointer(p)), fromEmptyPath, 0)
	return failure(errno)
}

// mountMemory mounts a tmpfs in the caller's namespace. As with runc, a directory
// that is there gives it its mode, if the options say nothing of one.
func mountMemory(m agent.Mount) error {
	options := m.Options
	var st syscall.Stat_t
	if !strings.Contains(","+options, ",mode=") && syscall.Stat(m.Target, &st) == nil {
		options = "mode=" + strconv.FormatUint(uint64(st.Mode&0o7777), 8) + "," + options
	}
	if err := makeDirs(m.Target); err != nil {
		return during("making the mount point "+m.Target, err)
	}
	return during("mounting a tmpfs on "+m.Target, syscall.Mount("tmpfs", m.Target, "tmpfs", uintptr(m.Flags), options))
}

// resizeShm changes the size of the caller's /dev/shm, in bytes.
func resizeShm(size uint64) error {
	return during("changing the size of /dev/shm",
		syscall.Mount("shm", "/dev/shm", "tmpfs", syscall.MS_REMOUNT|secure, "size="+strconv.FormatUint(size, 10)))
}

// readOnlyEtc makes the three files of /etc read-only that are mounts, as docker
// does with a read-only root. It comes before the run's mounts, which may lie
// over them.
func readOnlyEtc() error {
	for _, name := range []string{"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"} {
		if err := syscall.Mount("", name, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
			return during("making "+name+" read-only", err)
		}
	}
	return nil
}

// readOnlyRoot makes / of the caller's namespace read-only, but not the volumes,
// which become mounts of their own, with what is mounted in them.
func readOnlyRoot(volumes []string) error {
	for _, v := range volumes {
		if err := syscall.Mount(v, v, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			return during("keeping the volume "+v+" writable", err)
		}
	}
	return during("making the root read-only", syscall.Mount("", "/", "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""))
}
