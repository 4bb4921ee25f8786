package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Programs that compile at run time, in a file with translations of its own
// pages: what they write over and jump into is never what was translated.

// compilers returns the reference of the image with compilers, which it makes
// if need be.
func compilers(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"mmdebstrap", "riscv64-linux-gnu-gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, tool)
		}
	}
	dir := os.Getenv("C2W_COMPILERS")
	if dir == "" {
		dir = shared("compilers")
	}
	if out, err := exec.Command(filepath.Join("..", "images", "compilers.sh"), dir).CombinedOutput(); err != nil {
		t.Fatalf("tests/images/compilers.sh: %v\n%s", err, out)
	}
	return "oci:" + dir
}

// given is where the image has what the programs are given to do.
const given = "/opt/compilers/"

// tccItself is tcc compiling itself, to run at once what compiles and runs the
// rest of the command line.
var tccItself = []string{"tcc", "-w", "-DONE_SOURCE=1", "-DTCC_TARGET_RISCV64", `-DCONFIG_TCCDIR="/usr/lib/tcc"`,
	`-DCONFIG_TRIPLET="riscv64-linux-gnu"`, "-run", "/usr/src/tcc/tcc.c", "-run"}

// trained are the commands that the file's translations are found with.
var trained = []string{
	"luajit " + given + "traces.lua",
	"tcc -run " + given + "work.c",
	"python3 " + given + "made.py",
	"sh -c 'seq 2000 | grep -cP " + digits + "'",
	"node -e 1",
}

// digits is a pattern that grep compiles: a 7, and no digit twice in a row.
const digits = `"^(?=.*7)(?:(\d)(?!\1))+$"`

func digitsMatch(n int) (count int) {
	for i := 1; i <= n; i++ {
		s := fmt.Sprint(i)
		ok := strings.Contains(s, "7")
		for k := 1; k < len(s); k++ {
			ok = ok && s[k] != s[k-1]
		}
		if ok {
			count++
		}
	}
	return count
}

// traces is what traces.lua prints, as QEMU has it.
const traces = `mandelbrot	832
sieve	1862
hash	144990b5,8a139a48,cc0d07d6,dd25556a,f937eff4,03a8818a,e2bd9738,70ce824a,ea683e65,f7496bc5,d52395d6,75c6cd5e
mixed	16200:2400
sorted	226768000,2046292992,17306
objects	25829
machine64	9152738932312606968ULL
errors	272,21796
many traces
`

// native is what a command prints on this computer, and its status.
func native(t *testing.T, argv ...string) (string, int) {
	t.Helper()
	if _, err := exec.LookPath(argv[0]); err != nil && !strings.Contains(argv[0], "/") {
		missing(t, argv[0])
	}
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), exitStatus(t, err)
}

// nativeWork is what work.c prints where this computer's own compiler made it.
func nativeWork(t *testing.T, rounds string) (string, int) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "work")
	source := filepath.Join("..", "images", "compilers", "work.c")
	if out, status := native(t, "gcc", "-w", "-O1", "-ffp-contract=off", "-o", program, source); status != 0 {
		t.Fatalf("gcc: %s", out)
	}
	return native(t, program, rounds)
}

// compilersFile is the image's file, with translations of all that is trained.
func compilersFile(t *testing.T) string {
	t.Helper()
	flags := []string{"--aot-budget", "8m"}
	for _, c := range trained {
		flags = append(flags, "--train", c)
	}
	return convert(t, compilers(t), flags...)
}

func TestCompilers(t *testing.T) {
	slow(t)
	file := compilersFile(t)
	work, status := nativeWork(t, "3")
	script, _ := native(t, "node", filepath.Join("..", "images", "compilers", "work.js"))
	cases := []testCase{
		{name: "luajit", run: args("luajit", given+"traces.lua", "2"), want: traces},
		{name: "tcc", run: args("tcc", "-run", given+"work.c", "3"), want: work, status: status},
		{name: "tcc compiled by itself", run: args(append(tccItself, given+"work.c", "3")...), want: work, status: status},
		{name: "python", run: args("python3", given+"made.py", "2"), want: fmt.Sprintf("%d 0\n", 511*512/2)},
		{name: "grep", run: sh("seq 30000 | grep -cP " + strings.ReplaceAll(digits, `"`, `'`)), want: fmt.Sprintln(digitsMatch(30000))},
		{name: "node", run: args("node", given+"work.js"), want: script},
	}
	// c2w run has wazero's engine.
	onEach(t, bare, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { c.on(t, e, file) })
		}
	})
}
