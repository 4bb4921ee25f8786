package rootfs

import "io"

// Files calls do for each regular file, in the order of paths; one with several
// names comes once, by its first.
func (t *Tree) Files(do func(path string, f *File)) {
	seen := map[*inode]bool{}
	var walk func(path string, n *inode)
	walk = func(path string, n *inode) {
		for _, name := range n.names() {
			c := n.children[name].ino
			switch {
			case c.isDir():
				walk(path+"/"+name, c)
			case c.mode.IsRegular() && !seen[c]:
				seen[c] = true
				do(path+"/"+name, &File{Mode: c.mode, UID: c.uid, GID: c.gid, Size: c.size, ino: c, t: t})
			}
		}
	}
	walk("", t.root)
}

// Open returns a regular file's content, from its beginning. Readers of one
// tree may be used at the same time.
func (f *File) Open() io.Reader { return f.t.open(f.ino) }
