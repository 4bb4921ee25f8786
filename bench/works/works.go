// Package works holds what the benchmark does with real programs of a Debian
// image: scripts, their data for a training run, and other data for the run
// that is measured.
//
// It knows nothing of engines or of c2w: it hands out files and reads what the
// scripts print.
package works

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c2w/c2w/bench/programs"
)

//go:embed files
var files embed.FS

// Work is one program at work. All times are taken in the guest.
type Work struct {
	Name     string
	Packages []string // Debian's, beyond essential ones
	Parts    []Part   // what it prints a line for
}

// Part is one measured piece of a work. Limit is the multiple of native that
// the project promises; 0 is none.
type Part struct {
	Name  string
	Limit float64
	// Differs says that the answer depends on the processor: a compiler's.
	Differs bool
}

// All lists the works.
var All = []Work{
	{"python", []string{"python3"}, []Part{{Name: "python", Limit: 8}}},
	{"sqlite", []string{"sqlite3"}, []Part{{Name: "sqlite-insert", Limit: 8}, {Name: "sqlite-query", Limit: 8}}},
	{"gcc", []string{"gcc", "libc6-dev"}, []Part{{Name: "gcc", Limit: 10, Differs: true}}},
	{"script", nil, []Part{{Name: "script"}}},
}

// Data says which input a work gets.
type Data string

const (
	Train Data = "train"
	Run   Data = "run"
)

// Dir is where the files lie in a root.
const Dir = "/bench"

// Command is the command of a work, at so many percent of its size.
func Command(work string, data Data, percent int) []string {
	return []string{Dir + "/run", work, string(data), strconv.Itoa(percent)}
}

// File is a file of Dir; Name is relative to it.
type File struct {
	Name string
	Mode int64
	Data []byte
}

// What each run of gcc compiles: parts of c2wbench.
var sources = map[Data][]string{
	Train: {"list.c", "sort.c"},
	Run:   {"crc32.c", "hash.c", "sha256.c"},
}

// Files returns all of them, sorted by name.
func Files() []File {
	var list []File
	read := func(name string) []byte {
		b, err := files.ReadFile("files/" + name)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		return b
	}
	list = append(list,
		File{"run", 0o755, read("run")},
		File{"loop.py", 0o644, read("loop.py")},
		File{"query.sql", 0o644, read("query.sql")},
		File{"train.sql", 0o644, rows(5, 6_000)},
		File{"run.sql", 0o644, rows(17, 12_000)})
	for data, names := range sources {
		for _, name := range append([]string{"rt.h"}, names...) {
			list = append(list, File{fmt.Sprintf("c-%s/%s", data, name), 0o644, programs.Source(name)})
		}
	}
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// rows is an SQL script that makes a table of n rows.
func rows(seed uint64, n int) []byte {
	var b bytes.Buffer
	b.WriteString("create table item (id integer primary key, name text, kind integer, day integer, amount integer, parent integer);\n" +
		"create index byday on item (day, kind);\ncreate index byname on item (name);\nbegin;\n")
	for i := 1; i <= n; i++ {
		seed = seed*6364136223846793005 + 1442695040888963407 // Knuth's MMIX
		fmt.Fprintf(&b, "insert into item values (%d,'%x',%d,%d,%d,%d);\n", i, seed>>40&0xffffff, seed>>20%7, seed>>30%100, seed>>33%1000, 1+seed>>34%uint64(i))
	}
	b.WriteString("commit;\n")
	return b.Bytes()
}

// Result is one line that a work printed.
type Result struct {
	Part     string
	Time     time.Duration
	Checksum string
}

// Parse reads the lines of a work's output that are results, and skips others.
func Parse(out string) []Result {
	var list []Result
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 3 || !known(f[0]) {
			continue
		}
		if us, err := strconv.ParseInt(f[1], 10, 64); err == nil && us >= 0 {
			list = append(list, Result{f[0], time.Duration(us) * time.Microsecond, f[2]})
		}
	}
	return list
}

func known(part string) bool {
	for _, w := range All {
		if slices.ContainsFunc(w.Parts, func(p Part) bool { return p.Name == part }) {
			return true
		}
	}
	return false
}
