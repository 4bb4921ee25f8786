// Package initramfs writes the archive that the guest's kernel unpacks into its
// first root file system: a few directories, the console, and /init. It knows
// the cpio format "newc" (Linux, Documentation/driver-api/early-userspace/
// buffer-format.rst) and nothing else.
package initramfs

const (
	modeDir  = 0o040755
	modeChar = 0o020600
	modeExec = 0o100755
)

// Build returns the archive with init as /init: the same bytes for the same
// program. Its size is a multiple of 512.
func Build(init []byte) []byte {
	w := writer{out: make([]byte, 0, len(init)+2048)}
	w.entry("dev", modeDir, 0, 0, nil)
	// The kernel opens it for process 1 before init has mounted anything.
	w.entry("dev/console", modeChar, 5, 1, nil)
	w.entry("proc", modeDir, 0, 0, nil)
	w.entry("sys", modeDir, 0, 0, nil)
	w.entry("init", modeExec, 0, 0, init)
	w.inode = 0
	w.entry("TRAILER!!!", 0, 0, 0, nil)
	w.pad(512)
	return w.out
}

type writer struct {
	out   []byte
	inode uint32
}

func (w *writer) entry(name string, mode, major, minor uint32, data []byte) {
	links := uint32(1)
	if mode == modeDir {
		links = 2
	}
	w.inode++
	w.out = append(w.out, "070701"...)
	for _, v := range [13]uint32{
		w.inode, mode, 0, 0, links, 0, // owner root, time 0
		uint32(len(data)), 0, 0, major, minor,
		uint32(len(name) + 1), 0,
	} {
		for shift := 28; shift >= 0; shift -= 4 {
			w.out = append(w.out, "0123456789abcdef"[v>>shift&15])
		}
	}
	w.out = append(append(w.out, name...), 0)
	w.pad(4)
	w.out = append(w.out, data...)
	w.pad(4)
}

// pad aligns what follows. The archive is built from offset 0, so offsets in
// out are offsets in the archive.
func (w *writer) pad(to int) {
	for len(w.out)%to != 0 {
		w.out = append(w.out, 0)
	}
}
