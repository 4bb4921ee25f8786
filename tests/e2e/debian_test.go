package e2e

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// debian returns the reference of the Debian image, which it makes if need be.
func debian(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("C2W_DEBIAN")
	if dir == "" {
		dir = shared("debian")
	}
	if _, err := os.Stat(filepath.Join(dir, "index.json")); err != nil {
		if _, err := exec.LookPath("mmdebstrap"); err != nil {
			missing(t, "mmdebstrap")
		}
		if out, err := exec.Command(filepath.Join("..", "images", "debian.sh"), dir).CombinedOutput(); err != nil {
			t.Fatalf("tests/images/debian.sh: %v\n%s", err, out)
		}
	}
	return "oci:" + dir
}

// harmonic is a sum whose last bits depend on every rounding in it.
func harmonic() string {
	s := 0.0
	for i := 1.0; i <= 100_000; i++ {
		s += math.Sqrt(i) / (i*i + 0.1)
	}
	return fmt.Sprintf("%016x\n", math.Float64bits(s))
}

var debianCases = []testCase{
	hello,
	{name: "release", run: sh(`. /etc/os-release; echo $ID $VERSION_CODENAME`), want: "debian trixie\n"},
	{name: "python", run: args("python3", "-c", "import sys,hashlib,json; print(sys.version)"), match: `^3\.\d+\.\d+ \(main, .*\) \[GCC .*\]\n$`},
	{name: "python's hashes", run: args("python3", "-c", "import hashlib; print(hashlib.sha256(b'c2w' * 100000).hexdigest()); print(hashlib.md5(b'abc').hexdigest())"),
		want: sha256Hex(100_000, "c2w") + "\n900150983cd24fb0d6963f7d28e17f72\n"},
	{name: "python's numbers", run: args("python3", "-c", "import math,struct; s=0.0\nfor i in range(1,100001): s += math.sqrt(i)/(i*i+0.1)\nprint(struct.pack('>d',s).hex())"), want: harmonic()},
	{name: "python's status", run: args("python3", "-c", "raise SystemExit(7)"), status: 7},
	{name: "python from stdin", run: args("python3", "-"), stdin: "import json, platform\nprint(json.dumps({'é': platform.machine()}, ensure_ascii=False))\n", want: "{\"é\": \"riscv64\"}\n"},
	{name: "pipeline", run: sh("ls -la / | sort | head"), match: `^(.+\n){10}$`},
	{name: "perl", run: args("perl", "-e", `print join(",", map { $_ ** 2 } grep { $_ % 2 } 1..9), "\n"`), want: "1,9,25,49,81\n"},
	{name: "tar", run: sh("tar -C /usr/share -cf - perl5 | gzip -1 | gunzip | tar -tf - | grep -c /"), match: `^\d+\n$`},
	{name: "open files, and directories' numbers", run: args("python3", "-c", limitsProgram), want: "30000 open\n"},
	{name: "processes", run: sh("ps -e -o comm= | grep -c ps"), want: "1\n"},
}

// limitsProgram opens more files than the kernel would allow in all for so small
// a memory, and looks for names whose number differs between listing and stat.
// Those of mount points do, on any Linux.
const limitsProgram = `
import os, resource
os.makedirs('/etc/new/deep')
os.rename('/etc/new', '/etc/renamed')
os.rename('/usr/share/perl5', '/usr/share/moved')
os.chmod('/var/log', 0o700)
for top in '/', '/etc', '/etc/renamed', '/usr/share', '/var', '/usr/lib/python3':
    for e in os.scandir(top):
        n = e.stat(follow_symlinks=False).st_ino
        if e.inode() != n and not os.path.ismount(e.path):
            print(e.path, e.inode(), n)
    if os.stat(top).st_ino != os.stat(top + '/.').st_ino:
        print(top)
resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
files = [os.open('/etc/passwd', os.O_RDONLY) for _ in range(30000)]
print(len(files), 'open')
`

func TestDebian(t *testing.T) {
	slow(t)
	file := convert(t, debian(t))
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		for _, c := range debianCases {
			t.Run(c.name, func(t *testing.T) { c.on(t, e, file) })
		}
	})
}
