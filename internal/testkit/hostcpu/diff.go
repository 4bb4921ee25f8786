package hostcpu

import (
	"fmt"
	"slices"
	"strings"
)

// Ignore is what the architecture leaves undefined in a result, or what a
// comparison is not about. The zero value ignores nothing.
type Ignore struct {
	Flags uint64
	FSW   uint16
	// Fields are whole registers, by their names in Changes.
	Fields []string
}

var flagNames = []struct {
	name string
	bit  uint64
}{
	{"cf", CF}, {"pf", PF}, {"af", AF}, {"zf", ZF}, {"sf", SF}, {"tf", TF}, {"if", IF}, {"df", DF}, {"of", OF},
	{"nt", NT}, {"rf", RF}, {"ac", AC}, {"id", ID},
}

var conditionNames = []struct {
	name string
	bit  uint16
}{
	{"c0", 1 << 8}, {"c1", 1 << 9}, {"c2", 1 << 10}, {"c3", 1 << 14},
}

// String names what is ignored: "af of c1 st7".
func (g Ignore) String() string {
	var list []string
	for _, f := range flagNames {
		if g.Flags&f.bit != 0 {
			list = append(list, f.name)
		}
	}
	for _, c := range conditionNames {
		if g.FSW&c.bit != 0 {
			list = append(list, c.name)
		}
	}
	return strings.Join(append(list, g.Fields...), " ")
}

// ParseIgnore is the inverse of String.
func ParseIgnore(text string) (g Ignore, err error) {
next:
	for _, name := range strings.Fields(text) {
		for _, f := range flagNames {
			if f.name == name {
				g.Flags |= f.bit
				continue next
			}
		}
		for _, c := range conditionNames {
			if c.name == name {
				g.FSW |= c.bit
				continue next
			}
		}
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == name }) {
			return g, fmt.Errorf("there is no %q", name)
		}
		g.Fields = append(g.Fields, name)
	}
	return g, nil
}

// Diff lists how a result is not what it should be, one register or run of
// bytes a line, empty if it is right. States of sequences that were stopped or
// did not survive are not compared. Error codes and vectors count as far as both
// are known, signals not at all.
func Diff(got, want *Result, ignore Ignore) []string {
	var list []string
	if !sameStop(got.Stop, want.Stop) {
		list = append(list, fmt.Sprintf("stop: got %v, want %v", got.Stop, want.Stop))
	}
	if r := want.Stop.Reason; r == TimedOut || r == Died || got.Stop.Reason == Died {
		return list
	}
	for _, f := range fields {
		g, w := f.get(&got.State), f.get(&want.State)
		var mask uint64
		switch f.name {
		case "flags":
			mask = ignore.Flags
		case "fsw":
			mask = uint64(ignore.FSW)
		}
		g[0], w[0] = g[0]&^mask, w[0]&^mask
		if g == w || slices.Contains(ignore.Fields, f.name) {
			continue
		}
		line := fmt.Sprintf("%s: got %v, want %v", f.name, g, w)
		if f.name == "flags" {
			var off []string
			for _, n := range flagNames {
				if (g[0]^w[0])&n.bit != 0 {
					off = append(off, fmt.Sprintf("%s=%d", n.name, b2i(g[0]&n.bit != 0)))
				}
			}
			line += " (" + strings.Join(off, " ") + ")"
		}
		list = append(list, line)
	}
	for _, r := range memoryChanges(&got.State, &want.State) {
		list = append(list, fmt.Sprintf("m%x: got %x, want %x", r.addr, got.Read(r.addr, len(r.data)), r.data))
	}
	return list
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func sameStop(a, b Stop) bool {
	if a.Reason != b.Reason {
		return false
	}
	if a.Reason != Faulted {
		return true
	}
	known := func(x, y int) bool { return x != Unknown && y != Unknown }
	if known(a.Vector, b.Vector) {
		return a.Vector == b.Vector && a.Addr == b.Addr && (!known(a.Err, b.Err) || a.Err == b.Err)
	}
	return true
}
