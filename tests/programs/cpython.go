package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// cpythonTests are the tests of CPython's that are run, with the limit of each.
var cpythonTests = []struct {
	name  string
	limit time.Duration
}{
	{"test_os", 15 * time.Minute},
	{"test_math", 20 * time.Minute},
	{"test_threading", 15 * time.Minute},
	{"test_subprocess", 20 * time.Minute},
	{"test_socket", 15 * time.Minute},
	{"test_ssl", 20 * time.Minute},
	{"test_decimal", 15 * time.Minute},
}

// cpythonCommand runs a test, and once more the cases that failed: some compare
// two readings of a clock, and between these a busy computer does other things.
func cpythonCommand(test string) []string {
	return []string{"python3", "-m", "test", "-v", "--rerun", test}
}

// verdicts is what a run of CPython's tests said of each case.
type verdicts struct {
	run     string            // "Ran N tests"
	failed  map[string]bool   // cases with an error or a failure, again if they were run again
	once    map[string]bool   // cases that failed the first time only
	skipped map[string]string // case → why
	passed  map[string]bool
	last    string // the case that was begun last
	whole   bool   // it was run to its end
}

var (
	ranLine = regexp.MustCompile(`^Ran (\d+) tests? in`)
	// caseLine begins what is said of a case: NAME (PATH), or for all of a
	// class setUpClass (PATH).
	caseLine = regexp.MustCompile(`^\s*(?:FAIL: |ERROR: )?(\w+) \(([\w.]+)\)`)
	// verdictLine ends it. What a test prints may stand between.
	verdictLine = regexp.MustCompile(`(?:^|\.\.\. )(ok|FAIL|ERROR|expected failure|unexpected success|skipped .*)$`)
	failLine    = regexp.MustCompile(`^(?:FAIL|ERROR|UNEXPECTED SUCCESS): `)
	// againLine stands before the cases that are run again.
	againLine = regexp.MustCompile(`^Re-running \d+ failed tests? in verbose mode`)
)

// readVerdicts reads what unittest says with -v.
func readVerdicts(output string) *verdicts {
	v := &verdicts{failed: map[string]bool{}, once: map[string]bool{}, skipped: map[string]string{}, passed: map[string]bool{}}
	again := false
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		again = again || againLine.MatchString(line)
		if m := ranLine.FindStringSubmatch(line); m != nil && !again {
			v.run, v.whole = m[1], true
		}
		if m := caseLine.FindStringSubmatch(line); m != nil {
			v.last = m[2]
			if !strings.HasSuffix(v.last, "."+m[1]) { // setUpClass and its like
				v.last += "." + m[1]
			}
			if failLine.MatchString(line) {
				v.failed[v.last] = true
				continue
			}
		}
		m := verdictLine.FindStringSubmatch(line)
		if m == nil || v.last == "" {
			continue
		}
		switch word, why, _ := strings.Cut(m[1], " "); word {
		case "ok", "expected":
			v.passed[v.last] = true
			if again && v.failed[v.last] {
				delete(v.failed, v.last)
				v.once[v.last] = true
			}
		case "skipped":
			v.skipped[v.last] = strings.Trim(why, `'"`)
		default:
			v.failed[v.last] = true
		}
	}
	return v
}

// String is a line about the run.
func (v *verdicts) String() string {
	if !v.whole {
		return fmt.Sprintf("%d cases passed, %d failed, %d skipped, then stopped in %s", len(v.passed), len(v.failed), len(v.skipped), v.last)
	}
	return fmt.Sprintf("%s run, %d failed, %d skipped", v.run, len(v.failed), len(v.skipped))
}

// differences lists what is otherwise than there.
func (v *verdicts) differences(there *verdicts) (worse, other []string) {
	for _, name := range slices.Sorted(maps.Keys(v.failed)) {
		switch {
		case there.failed[name]:
			other = append(other, "fails there, too: "+name)
		case there.skipped[name] != "":
			worse = append(worse, fmt.Sprintf("fails, skipped there: %s (%s)", name, there.skipped[name]))
		default:
			worse = append(worse, "fails only here: "+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there.failed)) {
		if !v.failed[name] && v.whole {
			other = append(other, "fails only there: "+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.once)) {
		other = append(other, "failed here, and not when run again: "+name)
	}
	for _, name := range slices.Sorted(maps.Keys(v.skipped)) {
		if there.passed[name] {
			other = append(other, fmt.Sprintf("skipped only here: %s (%s)", name, v.skipped[name]))
		}
	}
	return worse, other
}

// judgeCPython puts a run of CPython's tests beside one under QEMU.
func (l *lab) judgeCPython(ctx context.Context, p *program, o outcome, r *row) error {
	here := readVerdicts(o.output)
	r.result = here.String()
	if !l.qemu {
		r.ok = here.whole && len(here.failed) == 0
		for _, name := range slices.Sorted(maps.Keys(here.failed)) {
			r.details = append(r.details, "fails: "+name)
		}
	} else {
		dir, err := l.root(ctx, p.image)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, time.Duration(float64(p.limit)*l.scale))
		defer cancel()
		cmd, err := underQEMU(ctx, dir, cpythonCommand(p.cpython))
		if err != nil {
			return err
		}
		q, err := l.observe(ctx, cmd, l.log(p, "qemu", 1))
		if err != nil {
			return err
		}
		there := readVerdicts(q.output)
		if there.run == "" {
			return fmt.Errorf("%s; under QEMU: %s, %s", r.result, there, q.ended)
		}
		worse, other := here.differences(there)
		r.ok = here.whole && len(worse) == 0
		r.result += fmt.Sprintf("; QEMU: %s, %.1f s; %d fail only here", there, q.time.Seconds(), len(worse))
		r.details = append(worse, other...)
	}
	if !here.whole {
		r.result += ", " + o.ended
		r.details = append(r.details, tail(o.output, 5)...)
	}
	return nil
}
