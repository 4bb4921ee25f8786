package main

import (
	"bytes"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// maxArgument is Linux's limit of one argument (MAX_ARG_STRLEN, 32 pages), in
// bytes: scripts are handed over as one.
const maxArgument = 128 << 10

func TestScripts(t *testing.T) {
	programs, err := all()
	if err != nil {
		t.Fatal(err)
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("MISSING: bash is not installed")
	}
	for _, p := range programs {
		if p.cpython != "" {
			continue
		}
		if p.what == "" || len(p.script) >= maxArgument {
			t.Errorf("%s: it says of itself %q, and is %d bytes long", p.name, p.what, len(p.script))
		}
		if out, err := exec.Command(bash, "-n", "-c", p.script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", p.name, err, out)
		}
	}
}

// TestLib runs lib.sh's functions, which all verdicts rest on, as the runner
// does.
func TestLib(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("MISSING: bash is not installed")
	}
	lib, err := scripts.ReadFile("scripts/lib.sh")
	if err != nil {
		t.Fatal(err)
	}
	const good = "same a 1 1\nhas b $'x\\ny' '^y$'\ntry c true\nawait 5 true && ok d\nclock e true\n"
	for _, test := range []struct {
		script, result string
		ok             bool
	}{
		{good + "finish\n", "4 checks", true},
		{good + "same a 1 2\nfinish\n", "4 ok, 1 faults, exit status 1", false},
		{good + "has b xy '^y$'\nfinish\n", "4 ok, 1 faults, exit status 1", false},
		{good + "try c false\nfinish\n", "4 ok, 1 faults, exit status 1", false},
		{good + "await 0 false || fault d\nfinish\n", "4 ok, 1 faults, exit status 1", false},
		{"finish\n", "0 checks, exit status 1", false},
		{good, "no result", false},
		{good + "exit 3\nfinish\n", "no result, exit status 3", false},
		{good + "echo $unset\nfinish\n", "no result, exit status 127", false},
	} {
		out, err := exec.Command(bash, "-c", string(lib)+test.script, "test").CombinedOutput()
		o := outcome{output: string(out)}
		if err != nil {
			o.ended = err.Error()
		}
		r := row{ok: true}
		if r.judge(o); r.ok != test.ok || r.result != test.result {
			t.Errorf("%q: %v, %q, want %v, %q; it printed %q", test.script, r.ok, r.result, test.ok, test.result, out)
		}
	}
}

func TestParseScript(t *testing.T) {
	const text = "# what\n# image: java\n# limit: 90s\n# volume: /d\n# runs: 2\n# limit is so for a reason\necho\n# image: none\n"
	p, err := parseScript("x", text)
	if err != nil {
		t.Fatal(err)
	}
	if p.what != "what" || p.image != "java" || p.limit.Seconds() != 90 || p.volume != "/d" || p.runs != 2 {
		t.Errorf("%+v", p)
	}
	for _, bad := range []string{"# image: java\n", "# what\n# limit: 1s\n", "# what\n# image: java\n", "# what\n# image: java\n# limit: x\n", "# what\n# image: java\n# limit: 1s\n# runs: 0\n"} {
		if _, err := parseScript("x", bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// unittest is what CPython 3.13 prints, with what stands there by chance.
const unittest = `== CPython 3.13.5
test_one (test.test_os.A.test_one) ... ok
test_two (test.test_os.A.test_two)
It does something. ... skipped 'needs more'
test_three (test.test_os.A.test_three) ... some output
more output
FAIL
test_four (test.test_os.A.test_four) ...   test_four (test.test_os.A.test_four) (i=1) ... ERROR
setUpClass (test.test_os.B) ... ERROR
test_five (test.test_os.C.test_five) ... expected failure
test_six (test.test_os.C.test_six) ... unexpected success

======================================================================
FAIL: test_three (test.test_os.A.test_three)
----------------------------------------------------------------------
Traceback (most recent call last):
AssertionError: ok
`

func TestVerdicts(t *testing.T) {
	v := readVerdicts(unittest)
	if v.whole || v.last != "test.test_os.A.test_three" {
		t.Errorf("whole %v, last %q", v.whole, v.last)
	}
	v = readVerdicts(unittest + "Ran 7 tests in 1.234s\r\n\nFAILED (failures=2, errors=2, skipped=1)\n")
	a := "test.test_os.A."
	failed := map[string]bool{a + "test_three": true, a + "test_four": true, "test.test_os.B.setUpClass": true, "test.test_os.C.test_six": true}
	if !reflect.DeepEqual(v.failed, failed) {
		t.Errorf("failed: %v", v.failed)
	}
	if !reflect.DeepEqual(v.skipped, map[string]string{a + "test_two": "needs more"}) {
		t.Errorf("skipped: %v", v.skipped)
	}
	if !v.passed[a+"test_one"] || !v.passed["test.test_os.C.test_five"] || len(v.passed) != 2 {
		t.Errorf("passed: %v", v.passed)
	}
	if s := v.String(); s != "7 run, 4 failed, 1 skipped" {
		t.Error(s)
	}
	v = readVerdicts(unittest + "Ran 7 tests in 1s\nRe-running 1 failed tests in verbose mode in subprocesses\n" +
		"Re-running test_os in verbose mode (matching: test_three)\ntest_three (test.test_os.A.test_three) ... ok\nRan 1 test in 1s\n")
	if v.String() != "7 run, 3 failed, 1 skipped" || !reflect.DeepEqual(v.once, map[string]bool{a + "test_three": true}) {
		t.Errorf("%v, once %v", v, v.once)
	}
	v.failed[a+"test_three"] = true
	there := readVerdicts(strings.NewReplacer("A.test_three) ...", "A.test_three) ... ok ", "A.test_one) ... ok", "A.test_one) ... FAIL", "FAIL: test_three", "x").
		Replace(unittest) + "Ran 7 tests in 1s\n")
	delete(there.failed, a+"test_three")
	delete(there.failed, a+"test_four")
	there.skipped[a+"test_four"] = "why"
	worse, other := v.differences(there)
	if want := []string{"fails, skipped there: " + a + "test_four (why)", "fails only here: " + a + "test_three"}; !slices.Equal(worse, want) {
		t.Errorf("worse: %q", worse)
	}
	if want := []string{"fails there, too: test.test_os.B.setUpClass", "fails there, too: test.test_os.C.test_six", "fails only there: " + a + "test_one", "failed here, and not when run again: " + a + "test_three"}; !slices.Equal(other, want) {
		t.Errorf("other: %q", other)
	}
}

func TestList(t *testing.T) {
	var out, errs bytes.Buffer
	if _, err := run(t.Context(), []string{"-list", "-run", "^(redis|cpython/test_math)$"}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(out.String()); !slices.Contains(got, "redis") || !slices.Contains(got, "cpython/test_math") || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("%q", out.String())
	}
	for _, bad := range [][]string{{"-engine", "none"}, {"-run", "("}, {"-run", "no such program"}, {"operand"}} {
		if _, err := run(t.Context(), append(bad, "-list"), &out, &errs); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
