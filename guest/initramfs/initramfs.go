// Package initramfs writes the archive that the guest's kernel unpacks into its
// first root file system: a few directories, two devices, /init, and the files
// that the caller adds. It knows the cpio format "newc" (Linux,
// Documentation/driver-api/early-userspace/buffer-format.rst) and nothing else.
package initramfs

import (
	"path"
	"strings"
)

const (
	modeDir  = 0o040755
	modeChar = 0o020600
	modeFile = 0o100000
)

// File is a regular file, owned by root.
type File struct {
	// Name is a clean absolute path, e.g. /c2w/boot, other than /init and not
	// below a file. The directories that lead there are made, with mode 0755.
	Name string
	// Mode is the permission bits, e.g. 0o644.
	Mode uint32
	// Data is the content, less than 4 GiB.
	Data []byte
}

// Build returns the archive with init as /init and the files in their order:
// the same bytes for the same input. Its size is a multiple of 512.
func Build(init []byte, files []File) []byte {
	size := len(init) + 2048
	for _, f := range files {
		size += len(f.Data) + 2*len(f.Name) + 1024
	}
	w := writer{out: make([]byte, 0, size), seen: map[string]bool{"/": true}}
	w.dir("/dev")
	// The kernel opens it for process 1 before init has mounted anything.
	w.entry("/dev/console", modeChar, 5, 1, nil)
	// The console may come up too late for that. Go's runtime puts this in the
	// place of the standard streams then, and gives up if it cannot.
	w.entry("/dev/null", modeChar, 1, 3, nil)
	w.dir("/proc")
	w.dir("/sys")
	w.entry("/init", modeFile|0o755, 0, 0, init)
	for _, f := range files {
		if f.Name != path.Clean(f.Name) || f.Name[0] != '/' || w.seen[f.Name] || uint64(len(f.Data)) >= 1<<32 {
			panic("BUG: a file that the first file system cannot hold: " + f.Name)
		}
		w.dir(path.Dir(f.Name))
		w.entry(f.Name, modeFile|f.Mode&0o7777, 0, 0, f.Data)
	}
	w.inode = 0
	w.entry("/TRAILER!!!", 0, 0, 0, nil)
	w.pad(512)
	return w.out
}

type writer struct {
	out   []byte
	inode uint32
	seen  map[string]bool
}

// dir writes a directory and, before it, those that lead to it: the kernel makes
// none by itself.
func (w *writer) dir(name string) {
	if w.seen[name] {
		return
	}
	w.dir(path.Dir(name))
	w.entry(name, modeDir, 0, 0, nil)
}

func (w *writer) entry(name string, mode, major, minor uint32, data []byte) {
	links := uint32(1)
	if mode == modeDir {
		links = 2
	}
	w.inode++
	w.seen[name] = true
	name = strings.TrimPrefix(name, "/")
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
