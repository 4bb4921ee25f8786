package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestContainer compares what a container finds with the tables of
// docs/security.md: each row is a fact, and each fact has a row.
func TestContainer(t *testing.T) {
	slow(t)
	rows := factRows(t)
	file := convert(t, "demo:")
	// Facts are the guest's: two engines show as much as all.
	onEach(t, []*engine{attached[0], bare[0]}, func(t *testing.T, e *engine) { checkFacts(t, e, file, rows) })
	t.Run("read-only", func(t *testing.T) { checkFacts(t, attached[0], file, rows, "--read-only") })
}

// factRows reads the tables of docs/security.md: a fact's name, what docker has
// and, if that differs, what c2w has.
func factRows(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("`([^`]*)`")
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) < 5 || !strings.HasPrefix(line, "| `") {
			continue
		}
		name := code.FindStringSubmatch(cells[1])[1]
		value := code.FindStringSubmatch(cells[3])
		if strings.TrimSpace(cells[3]) == "" {
			value = code.FindStringSubmatch(cells[2])
		} else if strings.TrimSpace(cells[4]) == "" {
			t.Errorf("docs/security.md: %s differs from docker, and nothing says why", name)
		}
		if value == nil {
			t.Errorf("docs/security.md: %s has no value", name)
			continue
		}
		if _, twice := rows[name]; twice {
			t.Errorf("docs/security.md: %s has two rows", name)
		}
		rows[name] = strings.ReplaceAll(value[1], "\x00", "|")
	}
	return rows
}

const readOnlySuffix = " --read-only"

func checkFacts(t *testing.T, e *engine, file string, rows map[string]string, flags ...string) {
	script := factScript
	want := map[string]string{}
	for name, value := range rows {
		// With a read-only root only what differs by it is looked at.
		if base, ok := strings.CutSuffix(name, readOnlySuffix); ok == (flags != nil) {
			want[base] = value
		}
		if key, ok := strings.CutPrefix(name, "sysctl "); ok && flags == nil {
			script += fmt.Sprintf("fact 'sysctl %s' \"$(cat /proc/sys/%s | tr '\\t' ' ')\"\n", key, strings.ReplaceAll(key, ".", "/"))
		}
	}
	v := sh(script).with(append(flags, "--workdir=/made/here")...)
	v.file = file
	r := run(t, e, &v, strings.NewReader(""))
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("status %d, stderr %q", r.status, clip(r.stderr))
	}
	got := facts(t, r.stdout)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if value, ok := got[name]; !ok {
			t.Errorf("%s: docs/security.md has a row, the container no such thing", name)
		} else if value != want[name] {
			t.Errorf("%s: %q, docs/security.md says %q", name, value, want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok && flags == nil {
			t.Errorf("%s: %q, but docs/security.md has no row", name, got[name])
		}
	}
}

// factScript prints facts as NAME, tabulator, VALUE, and files of the kernel's
// behind a line that names them.
const factScript = `
fact() { printf '%s\t%s\n' "$1" "$2"; }
joined() { tr '\t' ' ' < $1 | awk '{ printf "%s%s", s, $0; s = "; " }'; }
fact 'working directory' "$(pwd) $(stat -c '%a %u:%g' .)"
fact environment "$(tr '\0' ' ' < /proc/1/environ | sed 's/ $//')"
fact hostname "$(hostname)"
fact oom_score_adj "$(cat /proc/self/oom_score_adj)"
fact personality "$(cat /proc/self/personality)"
fact cgroup "$(cat /proc/self/cgroup)"
for f in memory.max memory.swap.max pids.max cpu.max; do test -e /sys/fs/cgroup/$f && fact "cgroup $f" "$(cat /sys/fs/cgroup/$f)"; done
for f in hosts hostname resolv.conf; do fact "file /etc/$f" "$(joined /etc/$f)"; done
fact apparmor "$(cat /proc/self/attr/current 2>/dev/null || echo none)"
own=
for n in cgroup:4026531835 ipc:4026531839 mnt:4026531841 net:4026531840 pid:4026531836 time:4026531834 user:4026531837 uts:4026531838; do
	test "$(readlink /proc/self/ns/${n%:*})" = "${n%:*}:[${n#*:}]" || own="$own ${n%:*}"
done
fact namespaces "${own# }"
nodes=; links=; dirs=
for f in /dev/*; do
	n=${f#/dev/}
	if test -L $f; then links="$links $n:$(readlink $f)"
	elif test -d $f; then dirs="$dirs $n"
	else nodes="$nodes $n:$(stat -c '%t,%T,%a' $f)"
	fi
done
fact '/dev nodes' "${nodes# }"; fact '/dev links' "${links# }"; fact '/dev directories' "${dirs# }"
masked=; open=
for f in /proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi \
	/proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware /sys/devices/system/cpu/cpu0/thermal_throttle; do
	test -e $f || continue
	if test -d $f; then c=$(ls -A $f); else c=$(head -c 1 $f); fi
	if test -z "$c"; then masked="$masked $f"; else open="$open $f"; fi
done
fact 'masked paths' "${masked# }"; fact 'paths not masked' "${open:-none}"
for d in / /tmp /dev /dev/shm /dev/mqueue /sys/kernel; do
	if (: > $d/new) 2>/dev/null; then fact "write $d" yes; rm $d/new; else fact "write $d" no; fi
done
for f in /etc/hosts /etc/hostname /etc/resolv.conf /proc/self/comm /proc/sys/kernel/domainname /proc/sys/vm/max_map_count \
	/proc/irq/default_smp_affinity /sys/fs/cgroup/cgroup.procs; do
	if (: >> $f) 2>/dev/null; then fact "write $f" yes; else fact "write $f" no; fi
done
set -- $(stat -f -c '%b %S %c' /)
fact 'bytes a file counts' $(($1 * $2 / $3))
for f in limits status mounts; do echo "== $f"; cat /proc/self/$f; done
echo '== end'
`

// limitNames are docker's, by Linux's in /proc/self/limits.
var limitNames = map[string]string{
	"cpu time": "cpu", "file size": "fsize", "data size": "data", "stack size": "stack", "core file size": "core",
	"resident set": "rss", "processes": "nproc", "open files": "nofile", "locked memory": "memlock",
	"address space": "as", "file locks": "locks", "pending signals": "sigpending", "msgqueue size": "msgqueue",
	"nice priority": "nice", "realtime priority": "rtprio", "realtime timeout": "rttime",
}

// statusFields are those that somebody sets.
var statusFields = []string{"Umask", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "SigIgn", "SigBlk"}

// facts reads what the script wrote.
func facts(t *testing.T, text string) map[string]string {
	t.Helper()
	got := map[string]string{}
	section := ""
	limit := regexp.MustCompile(`^Max (.*?)  +(\S+) +(\S+)`)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if name, ok := strings.CutPrefix(line, "== "); ok {
			section = name
			continue
		}
		switch f := strings.Fields(line); {
		case section == "limits" && limit.MatchString(line):
			m := limit.FindStringSubmatch(line)
			got["limit "+limitNames[m[1]]] = m[2] + " " + m[3]
		case section == "status":
			if k, v, _ := strings.Cut(line, ":"); slices.Contains(statusFields, k) {
				got["status "+k] = strings.TrimSpace(v)
			}
		case section == "mounts" && len(f) > 3:
			got["mount "+f[1]] = f[2] + " " + mountOptions(f[3])
		case section == "" || section == "end":
			name, value, ok := strings.Cut(line, "\t")
			if !ok {
				t.Errorf("%q is no fact", line)
			}
			got[name] = value
		}
	}
	if section != "end" {
		t.Errorf("the facts are cut short: %q", clip(text))
	}
	for _, path := range strings.Fields(got["masked paths"]) { // their mounts are how they are masked
		delete(got, "mount "+path)
	}
	return got
}

// mountOptions leaves out what depends on memory and what the kernel says of
// each tmpfs and overlay.
func mountOptions(all string) string {
	all, _, _ = strings.Cut(all, ",lowerdir=")
	return strings.Join(slices.DeleteFunc(strings.Split(all, ","), func(o string) bool {
		return o == "inode64" || strings.HasPrefix(o, "nr_inodes=")
	}), ",")
}
