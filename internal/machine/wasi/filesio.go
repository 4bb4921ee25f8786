package wasi

import "github.com/c2w/c2w/internal/machine/hostfs"

// ReadAt implements [hostfs.FS].
func (f *files) ReadAt(fd hostfs.FD, bufs [][]byte, off int64) (int, hostfs.Errno) {
	o := f.get(fd)
	if o == nil || o.dir || off < 0 {
		return 0, badFile(o, off)
	}
	return f.transfer(bufs, func(bufs [][]byte, done int) (int, Errno) {
		at := off + int64(done)
		if !f.wasmtime {
			return f.sys.pread(uint32(fd), bufs, at)
		}
		if o.position != at {
			if errno := f.sys.seek(uint32(fd), at, whenceSet); errno != errnoSuccess {
				return 0, errno
			}
			o.position = at
		}
		n, errno := f.sys.read(uint32(fd), bufs)
		if errno != errnoSuccess {
			o.position = -1 // nobody knows
			return 0, errno
		}
		o.position += int64(n)
		return n, errno
	})
}

// WriteAt implements [hostfs.FS].
func (f *files) WriteAt(fd hostfs.FD, bufs [][]byte, off int64) (int, hostfs.Errno) {
	o := f.get(fd)
	if o == nil || o.dir || off < 0 {
		return 0, badFile(o, off)
	}
	n, e := f.transfer(bufs, func(bufs [][]byte, done int) (int, Errno) {
		if !o.append {
			return f.sys.pwrite(uint32(fd), bufs, off+int64(done))
		}
		// Writing at a position is refused by some engines then, and heeded
		// by others.
		o.position = -1
		return f.sys.write(uint32(fd), bufs)
	})
	return n, tooBig(e, off)
}

// hugeSize is where the smallest of today's largest files ends: ext4's, with
// blocks of 4 KiB, in bytes.
const hugeSize = 16<<40 - 4096

// tooBig makes EFBIG of what engines that have no such word say when a file
// cannot be as large as to have a byte at off.
func tooBig(e hostfs.Errno, off int64) hostfs.Errno {
	if off >= hugeSize && (e == hostfs.EIO || e == hostfs.EINVAL) {
		return hostfs.EFBIG
	}
	return e
}

func badFile(o *openFile, off int64) hostfs.Errno {
	switch {
	case o == nil:
		return hostfs.EBADF
	case o.dir:
		return hostfs.EISDIR
	}
	return hostfs.EINVAL
}

// transfer moves all of bufs by calls of once, which is told how many bytes went
// before. Some engines take the first buffer only, others all; so it goes on
// after a call that ended at the end of a buffer, and stops at any other.
func (f *files) transfer(bufs [][]byte, once func(bufs [][]byte, done int) (int, Errno)) (int, hostfs.Errno) {
	done := 0
	for {
		for len(bufs) > 0 && len(bufs[0]) == 0 {
			bufs = bufs[1:]
		}
		if len(bufs) == 0 {
			return done, hostfs.OK
		}
		window := f.rest[:copy(f.rest[:], bufs)]
		n, errno := once(window, done)
		if errno == errnoIntr {
			continue
		}
		if errno != errnoSuccess {
			if done > 0 {
				return done, hostfs.OK
			}
			return 0, errno.Linux()
		}
		done += n
		if n < len(bufs[0]) {
			return done, hostfs.OK // the end of the file, or nearly no space
		}
		for len(bufs) > 0 && n >= len(bufs[0]) {
			n -= len(bufs[0])
			bufs = bufs[1:]
		}
		if n > 0 {
			return done, hostfs.OK
		}
	}
}

// Sync implements [hostfs.FS].
func (f *files) Sync(fd hostfs.FD, dataOnly bool) hostfs.Errno {
	o := f.get(fd)
	if o == nil {
		return hostfs.EBADF
	}
	errno := errnoNotcapable
	if dataOnly && !o.dir {
		errno = f.sys.datasync(uint32(fd))
	}
	if errno == errnoNotcapable {
		errno = f.sys.sync(uint32(fd))
	}
	if errno == errnoBadf || errno == errnoNotcapable {
		// The descriptor is open: the engine cannot sync directories, or what
		// is open for reading.
		return hostfs.OK
	}
	return errno.Linux()
}

// SetSize implements [hostfs.FS].
func (f *files) SetSize(fd hostfs.FD, size int64) hostfs.Errno {
	o := f.get(fd)
	if o == nil || o.dir || size < 0 {
		return badFile(o, size)
	}
	return tooBig(f.sys.setSize(uint32(fd), size).Linux(), size)
}
