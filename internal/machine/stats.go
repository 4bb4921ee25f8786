package machine

import (
	"strconv"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
)

// StatsForm is how a run tells its statistics when it ends.
type StatsForm uint8

const (
	StatsNone StatsForm = iota
	StatsText           // for people, on standard error
	StatsJSON           // one line: the word that StatsText's lines begin with, and an object
)

// times are where a run's time went, in nanoseconds. They are taken with
// Config.Stats alone: reading the host's clock at every exit costs.
type times struct {
	begin   int64
	devices int64 // devices, and the host's work for them; part of it within exits
	inExits int64 // the part of devices that is within exits
	idle    int64
}

// clock is the time for times, 0 if nobody wants it.
func (m *Machine) clock() int64 {
	if !m.cfg.Stats {
		return 0
	}
	return m.host.Monotonic()
}

// Report is what a run has done.
type Report struct {
	Instructions engine.Instructions
	PageCalls    uint64
	InterpCalls  uint64
	Engine       engine.Stats
	Bindings     int // page functions in the file

	// Nanoseconds, 0 without Config.Stats: all, waiting for the host, devices.
	// Time in generated code and in Go by exit is Engine's; that of devices that
	// an access by the guest started is part of the latter, too.
	Total, Idle, Devices, DevicesInExits int64
}

// Report sums up the run so far.
func (m *Machine) Report() Report {
	e := m.Engine
	r := Report{Instructions: e.Instructions(), PageCalls: e.S.PageCalls, InterpCalls: e.S.InterpCalls, Engine: e.Stats, Bindings: e.Bindings.Len()}
	if m.cfg.Stats {
		r.Total = m.host.Monotonic() - m.times.begin
		r.Idle, r.Devices, r.DevicesInExits = m.times.idle, m.times.devices, m.times.inExits
	}
	return r
}

// counter is one figure with its name.
type counter struct {
	name string
	n    uint64
}

// group is a line of the text and an object of the JSON.
type group struct {
	name     string
	counters []counter
}

func nano(n int64) uint64 { return uint64(max(n, 0)) }

// groups lists all figures. Names are part of the JSON's format.
func (r *Report) groups() []group {
	e := &r.Engine
	insns := r.Instructions
	exits := group{name: "exits"}
	goes := group{name: "go_ns"}
	for i := core.ExitBudget; int(i) < core.NumExits; i++ {
		if i == core.ExitMode {
			continue // generated code's own affair
		}
		exits.counters = append(exits.counters, counter{i.String(), e.Exits[i]})
		goes.counters = append(goes.counters, counter{i.String(), nano(e.Go[i])})
	}
	unbound := group{name: "unbound"}
	for c := range engine.NumCauses {
		unbound.counters = append(unbound.counters, counter{c.String(), e.Unbound[c]})
	}
	list := []group{
		{"instructions", []counter{{"all", insns.Pages + insns.Interpreter + insns.Go}, {"pages", insns.Pages}, {"interpreter", insns.Interpreter}, {"go", insns.Go}}},
		{"calls", []counter{{"pages", r.PageCalls}, {"interpreter", r.InterpCalls}}},
		exits,
		{"tlb", []counter{{"misses", e.Exits[core.ExitMiss]}, {"fills", e.Fills}}},
		{"jumps", []counter{{"misses", e.Exits[core.ExitLookup]}, {"fills", e.Lookups}, {"refills", e.Refills}}},
		{"flushes", []counter{{"all", e.FlushAll}, {"space", e.FlushSpace}, {"page", e.FlushPage}}},
		{"code", []counter{{"runs", e.Runs}, {"decoded", e.Decoded}, {"dropped", e.Dropped}, {"full", e.Flushed}}},
		{"pages", []counter{{"functions", uint64(r.Bindings)}, {"bound", e.Bound}}},
		unbound,
	}
	if r.Total > 0 {
		inGo := int64(0)
		for _, n := range e.Go {
			inGo += n
		}
		inGo -= r.DevicesInExits
		list = append(list, goes, group{"time_ns", []counter{
			{"all", nano(r.Total)}, {"core", nano(e.Core)}, {"go", nano(inGo)}, {"devices", nano(r.Devices)}, {"idle", nano(r.Idle)},
			{"rest", nano(r.Total - e.Core - inGo - r.Devices - r.Idle)},
		}})
	}
	return list
}

// statsWord begins every line of statistics.
const statsWord = "stats: "

// Lines is the report in a form, in lines without their ends.
func (r *Report) Lines(form StatsForm) (lines []string) {
	switch form {
	case StatsText:
		for _, g := range r.groups() {
			lines = append(lines, statsWord+g.text())
		}
	case StatsJSON:
		s := statsWord + "{"
		for i, g := range r.groups() {
			if i > 0 {
				s += ","
			}
			s += g.json()
		}
		lines = []string{s + "}"}
	}
	return lines
}

// text is a line such as "exits 12,345: budget 12, miss 3,000": what is called
// all, or else the sum, comes first.
func (g *group) text() string {
	name, show, list := g.name, thousands, g.counters
	if n := len(name) - len("_ns"); n > 0 && name[n:] == "_ns" {
		name, show = name[:n]+" ms", millis
	}
	var sum uint64
	if list[0].name == "all" && g.name != "flushes" {
		sum, list = list[0].n, list[1:]
	} else {
		for _, c := range list {
			sum += c.n
		}
	}
	s := name
	switch g.name {
	case "instructions", "exits", "unbound", "go_ns", "time_ns":
		s += " " + show(sum)
	}
	for i, c := range list {
		s += [2]string{", ", ": "}[b2i(i == 0)] + c.name + " " + show(c.n)
		if g.name == "instructions" || g.name == "time_ns" {
			s += " (" + percent(c.n, sum) + ")"
		}
	}
	return s
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (g *group) json() string {
	s := strconv.Quote(g.name) + ":{"
	for i, c := range g.counters {
		if i > 0 {
			s += ","
		}
		s += strconv.Quote(c.name) + ":" + strconv.FormatUint(c.n, 10)
	}
	return s + "}"
}

// thousands writes a number with a comma after every third digit.
func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// millis writes nanoseconds as milliseconds.
func millis(ns uint64) string {
	return thousands(ns/1e6) + "." + strconv.FormatUint(ns%1e6/1e5, 10)
}

func percent(n, of uint64) string {
	if of == 0 {
		return "-"
	}
	tenths := uint64(float64(n)/float64(of)*1000 + 0.5)
	return strconv.FormatUint(tenths/10, 10) + "." + strconv.FormatUint(tenths%10, 10) + " %"
}
