//go:build linux

package main

import (
	"strconv"
	"strings"
	"syscall"
)

// user is who the command runs as.
type user struct {
	uid, gid int
	groups   []int // supplementary ones, gid among them
	home     string
}

const (
	passwdFile = "/etc/passwd"
	groupFile  = "/etc/group"

	// maxID is the largest user and group number that docker takes.
	maxID = 1<<31 - 1
)

type accountError string

func (e accountError) Error() string { return string(e) }

// findUser resolves USER[:GROUP] as docker does. Names come first, then numbers;
// a number needs no entry in the files that read returns. The user's own
// supplementary groups count only if USER is a name, or has an entry, and no
// GROUP is given.
func findUser(spec string, read func(file string) string) (*user, error) {
	name, group, _ := strings.Cut(spec, ":")
	if name == "" {
		name = "0"
	}
	u := &user{home: "/"}
	uid, numeric := parseID(name)
	entry := findEntry(read(passwdFile), func(f []string) bool {
		id, ok := parseID(f[2])
		_, gidOK := parseID(f[3])
		return ok && gidOK && (f[0] == name || numeric && id == uid)
	}, 6)
	switch {
	case entry != nil:
		u.uid, _ = parseID(entry[2])
		u.gid, _ = parseID(entry[3])
		if entry[5] != "" {
			u.home = entry[5]
		}
	case numeric:
		u.uid = uid
	default:
		return nil, accountError("unable to find user " + name + ": no matching entry in " + passwdFile)
	}
	switch {
	case group != "":
		gid, numeric := parseID(group)
		g := findEntry(read(groupFile), func(f []string) bool {
			id, ok := parseID(f[2])
			return ok && (f[0] == group || numeric && id == gid)
		}, 3)
		switch {
		case g != nil:
			u.gid, _ = parseID(g[2])
		case numeric:
			u.gid = gid
		default:
			return nil, accountError("unable to find group " + group + ": no matching entry in " + groupFile)
		}
		u.groups = []int{u.gid}
	case entry != nil:
		u.groups = memberships(read(groupFile), entry[0], u.gid)
	default:
		u.groups = []int{u.gid}
	}
	return u, nil
}

// maxGroups is the kernel's NGROUPS_MAX.
const maxGroups = 65536

// memberships are gid and the groups that list the name, each once.
func memberships(file, name string, gid int) []int {
	groups := []int{gid}
	seen := map[int]bool{gid: true}
	findEntry(file, func(f []string) bool {
		id, ok := parseID(f[2])
		if !ok || seen[id] || len(groups) == maxGroups {
			return false
		}
		for list := f[3]; list != ""; {
			var member string
			member, list, _ = strings.Cut(list, ",")
			if member == name {
				seen[id] = true
				groups = append(groups, id)
				break
			}
		}
		return false
	}, 4)
	return groups
}

// findEntry returns the fields of the first line of colon-separated fields that
// match likes. It passes over lines that have fewer fields than that.
func findEntry(file string, match func(fields []string) bool, fields int) []string {
	for line := range strings.Lines(file) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if f := strings.Split(line, ":"); len(f) >= fields && match(f) {
			return f
		}
	}
	return nil
}

// parseID reads a decimal number from 0 to maxID.
func parseID(s string) (int, bool) {
	if s == "" || s[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}

// maxAccounts bounds what is read of an image's file of accounts, in bytes.
const maxAccounts = 16 << 20

// readAccounts reads a file of accounts. One that is not there, or is something
// else than a file, holds nothing.
func readAccounts(path string) string {
	// Opening a pipe without O_NONBLOCK might wait for ever.
	fd, err := open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY)
	if err != nil {
		return ""
	}
	defer syscall.Close(fd)
	var st syscall.Stat_t
	if syscall.Fstat(fd, &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return ""
	}
	text := make([]byte, 0, min(max(st.Size, 0), maxAccounts)+512)
	for len(text) < maxAccounts {
		if len(text) == cap(text) {
			text = append(text, 0)[:len(text)]
		}
		n, err := syscall.Read(fd, text[len(text):cap(text)])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		text = text[:len(text)+n]
	}
	return string(text)
}

// withHome adds HOME to an environment that has none.
func withHome(env []string, home string) []string {
	for _, e := range env {
		if strings.HasPrefix(e, "HOME=") {
			return env
		}
	}
	return append(env[:len(env):len(env)], "HOME="+home)
}
