package main

import "github.com/c2w/c2w/internal/machine/hostfs"

// bench prints what one kind of work takes in milliseconds or MB/s.
func bench(what string) {
	start := host.Monotonic()
	ms := func() int { return int((host.Monotonic() - start) / 1_000_000) }
	switch what {
	case "create":
		fs.Mkdir(root, "many")
		d := open(root, "many", hostfs.Read|hostfs.OpenDirectory)
		data := [][]byte{make([]byte, 100)}
		start = host.Monotonic()
		for i := range 10_000 {
			fd := open(d, "file-"+num(i), hostfs.Write|hostfs.Create)
			fs.WriteAt(fd, data, 0)
			fs.Close(fd)
		}
		say("create 10000", num(ms()), "ms")
	case "list":
		n := 0
		for range 2 {
			start = host.Monotonic()
			n = 0
			cookie := uint64(0)
			for more := true; more; {
				more = false
				left := 10000
				e := fs.ReadDir(root, cookie, func(next, _ uint64, _ hostfs.Type, _ []byte) bool {
					if left == 0 {
						more = true
						return false
					}
					left--
					n++
					cookie = next
					return true
				})
				if e != hostfs.OK {
					say("error", num(e))
				}
			}
			say("list", num(n), num(ms()), "ms")
		}
	case "stat":
		put(root, "x", "")
		var st hostfs.Stat
		start = host.Monotonic()
		for range 10_000 {
			fs.StatAt(root, "x", &st)
		}
		say("stat 10000", num(ms()), "ms")
		fs.Mkdir(root, "d")
		d := open(root, "d", hostfs.Read|hostfs.OpenDirectory)
		put(d, "x", "")
		start = host.Monotonic()
		for range 10_000 {
			fs.StatAt(d, "x", &st)
		}
		say("stat 10000 in a directory", num(ms()), "ms")
	case "io":
		const total = 512 << 20
		for _, size := range []int{4 << 10, 64 << 10, 512 << 10, 1 << 20} {
			fd := open(root, "big", rw|hostfs.Create|hostfs.Truncate)
			total := min(total, size*40_000)
			buf := [][]byte{make([]byte, size)}
			start = host.Monotonic()
			for off := 0; off < total; off += size {
				fs.WriteAt(fd, buf, int64(off))
			}
			w := total / 1000 / max(ms(), 1)
			start = host.Monotonic()
			for off := 0; off < total; {
				n, e := fs.ReadAt(fd, buf, int64(off))
				if n <= 0 {
					say("read", num(n), num(e))
					break
				}
				off += n
			}
			say(num(size>>10), "KiB: write", num(w), "MB/s, read", num(total/1000/max(ms(), 1)), "MB/s")
			closeFD(fd)
		}
		fs.Unlink(root, "big")
	}
}
