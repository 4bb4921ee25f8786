package machine

import (
	"cmp"
	"errors"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/c2w/c2w/internal/format/agent"
)

// Settings is what docker run's flags of the same names change of the container
// and its kernel. Init does all of it; here the values are understood.
type Settings struct {
	Limits  []agent.Limit
	Tmpfs   []agent.Mount
	ShmSize uint64 // bytes; 0 is the container's default
	Sysctls []string
	Hosts   []string // lines of /etc/hosts
}

// settingFlags are the file's flags for them. A limit, a path or a parameter
// that is given twice has the last value.
var settingFlags = []flag{
	{name: "ulimit", value: func(o *Options, v string) error {
		l, err := parseLimit(v)
		o.Limits = append(without(o.Limits, func(x agent.Limit) bool { return x.Resource == l.Resource }), l)
		return err
	}},
	{name: "tmpfs", value: func(o *Options, v string) error {
		m, err := parseTmpfs(v)
		o.Tmpfs = append(without(o.Tmpfs, func(x agent.Mount) bool { return x.Target == m.Target }), m)
		return err
	}},
	{name: "shm-size", value: func(o *Options, v string) (err error) {
		o.ShmSize, err = parseBytes(v)
		return err
	}},
	{name: "sysctl", value: func(o *Options, v string) error {
		k, _, ok := strings.Cut(v, "=")
		if !ok || k == "" {
			return errors.New("--sysctl takes NAME=VALUE, not " + v)
		}
		o.Sysctls = append(without(o.Sysctls, func(x string) bool { return strings.HasPrefix(x, k+"=") }), v)
		return nil
	}},
	{name: "add-host", value: func(o *Options, v string) error {
		line, err := parseHost(v)
		o.Hosts = append(o.Hosts, line)
		return err
	}},
}

// without returns the elements that are not drop, in a list of its own.
func without[T any](list []T, drop func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), drop)
}

// resources are docker's names of Linux's resource limits, by their numbers
// (asm-generic/resource.h).
var resources = [agent.Resources]string{
	"cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile",
	"memlock", "as", "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime",
}

// parseLimit reads NAME=SOFT[:HARD]; -1 is no limit, and the hard limit is the
// soft one unless it is given.
func parseLimit(v string) (l agent.Limit, err error) {
	name, values, _ := strings.Cut(v, "=")
	number := slices.Index(resources[:], name)
	if number < 0 {
		return l, errors.New("--ulimit " + v + ": the limits are " + strings.Join(resources[:], ", "))
	}
	soft, hard, two := strings.Cut(values, ":")
	if !two {
		hard = soft
	}
	l.Resource = uint8(number)
	var ok, ok2 bool
	l.Soft, ok = parseBound(soft)
	l.Hard, ok2 = parseBound(hard)
	switch {
	case !ok || !ok2:
		return l, errors.New("--ulimit takes NAME=SOFT[:HARD], numbers or -1 for none, not " + v)
	case l.Soft > l.Hard:
		return l, errors.New("--ulimit " + v + ": the soft limit is above the hard one")
	}
	return l, nil
}

func parseBound(v string) (uint64, bool) {
	if v == "-1" || v == "unlimited" {
		return math.MaxUint64, true
	}
	n, err := strconv.ParseUint(v, 10, 63)
	return n, err == nil
}

// tmpfsFlags are what --tmpfs takes of mount(8)'s options: the flags of mount(2)
// (linux/mount.h) that an option sets and those that it takes away.
var tmpfsFlags = map[string]struct{ set, clear uint32 }{
	"rw": {0, msReadOnly}, "ro": {msReadOnly, 0},
	"suid": {0, msNoSuid}, "nosuid": {msNoSuid, 0},
	"dev": {0, msNoDev}, "nodev": {msNoDev, 0},
	"exec": {0, msNoExec}, "noexec": {msNoExec, 0},
	"noatime": {msNoAtime, msRelatime | msStrictAtime}, "strictatime": {msStrictAtime, msNoAtime | msRelatime},
	"relatime": {msRelatime, msNoAtime | msStrictAtime},
}

const (
	msReadOnly    = 1 << 0
	msNoSuid      = 1 << 1
	msNoDev       = 1 << 2
	msNoExec      = 1 << 3
	msNoAtime     = 1 << 10
	msRelatime    = 1 << 21
	msStrictAtime = 1 << 24
)

// tmpfsOptions are tmpfs's own, which take a value (tmpfs(5)).
var tmpfsOptions = []string{"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks"}

// parseTmpfs reads DIR[:OPTION[,OPTION…]], with docker's defaults.
func parseTmpfs(v string) (agent.Mount, error) {
	target, options, _ := strings.Cut(v, ":")
	m := agent.Mount{Index: agent.InMemory, Target: path.Clean(target), Flags: msNoSuid | msNoDev | msNoExec}
	if target == "" || target[0] != '/' || m.Target == "/" || m.Target == "/proc" || strings.HasPrefix(m.Target, "/proc/") {
		return m, errors.New("--tmpfs " + v + ": it takes an absolute path, not the root's or one of /proc")
	}
	var own []string
	for _, o := range strings.Split(options, ",") {
		name, value, valued := strings.Cut(o, "=")
		f, isFlag := tmpfsFlags[o]
		switch {
		case isFlag:
			m.Flags = m.Flags&^f.clear | f.set
		case valued && value != "" && slices.Contains(tmpfsOptions, name):
			own = append(own, o)
		case o != "":
			return m, errors.New("--tmpfs " + v + ": unknown option " + o)
		}
	}
	m.Options = strings.Join(own, ",")
	return m, nil
}

// parseBytes reads a size: a number of bytes, or of KiB, MiB, GiB behind which
// k, m or g stands.
func parseBytes(v string) (uint64, error) {
	digits, shift := v, 0
	if v != "" {
		if i := strings.IndexByte("bkmg", v[len(v)-1]|0x20); i >= 0 {
			digits, shift = v[:len(v)-1], 10*i
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63-30)
	if err != nil || n == 0 {
		return 0, errors.New("a size is written like 256m or 1g, not " + v)
	}
	return n << shift, nil
}

// parseHost turns docker's NAME:ADDRESS, or NAME=ADDRESS, into a line of
// /etc/hosts.
func parseHost(v string) (string, error) {
	i := strings.IndexAny(v, ":=")
	if i <= 0 || i == len(v)-1 || strings.ContainsAny(v, " \t\r\n#") {
		return "", errors.New("--add-host takes NAME:ADDRESS, not " + strconv.Quote(v))
	}
	name, address := v[:i], strings.Trim(v[i+1:], "[]")
	for _, c := range []byte(address) { // an IPv4 or IPv6 address, as resolvers read them
		if !strings.ContainsRune("0123456789abcdefABCDEF.:", rune(c)) {
			return "", errors.New("--add-host " + v + ": " + address + " is no address")
		}
	}
	return address + "\t" + name, nil
}

// apply puts the settings into what init is told. Mounts are in the order of
// their paths: what lies below another comes later.
func (s *Settings) apply(spec *agent.Spec) {
	spec.Limits, spec.ShmSize, spec.Sysctls, spec.Hosts = s.Limits, s.ShmSize, s.Sysctls, s.Hosts
	spec.Mounts = append(spec.Mounts, s.Tmpfs...)
	sortMounts(spec.Mounts)
}

func sortMounts(list []agent.Mount) {
	slices.SortStableFunc(list, func(a, b agent.Mount) int { return cmp.Compare(a.Target, b.Target) })
}
