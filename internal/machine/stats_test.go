package machine

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
)

func someReport() *Report {
	r := &Report{
		Instructions: engine.Instructions{Pages: 1_234_567, Interpreter: 12_345, Go: 99},
		PageCalls:    40_000, InterpCalls: 2_000, Bindings: 100,
	}
	e := &r.Engine
	e.Exits[core.ExitBudget], e.Exits[core.ExitMiss], e.Exits[core.ExitLookup] = 7, 1000, 20
	e.Fills, e.Lookups, e.Refills, e.FlushPage, e.Bound = 900, 21, 5, 3, 12
	e.Unbound[engine.CauseDMA] = 2
	return r
}

func TestStatsText(t *testing.T) {
	r := someReport()
	want := `stats: instructions 1,247,011: pages 1,234,567 (99.0 %), interpreter 12,345 (1.0 %), go 99 (0.0 %)
stats: calls: pages 40,000, interpreter 2,000
stats: exits 1,027: budget 7, miss 1,000, single 0, lookup 20, irq 0, decode 0
stats: tlb: misses 1,000, fills 900
stats: jumps: misses 20, fills 21, refills 5
stats: flushes: all 0, space 0, page 3
stats: code: runs 0, decoded 0, dropped 0, full 0
stats: pages: functions 100, bound 12
stats: unbound 2: store 0, DMA 2, room 0, mode 0`
	if got := strings.Join(r.Lines(StatsText), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.Total, r.Idle, r.Devices, r.DevicesInExits = 2_000_000_000, 500_000_000, 300_000_000, 100_000_000
	r.Engine.Core, r.Engine.Go[core.ExitMiss] = 900_000_000, 350_000_000
	want += `
stats: go ms 350.0: budget 0.0, miss 350.0, single 0.0, lookup 0.0, irq 0.0, decode 0.0
stats: time ms 2,000.0: core 900.0 (45.0 %), go 250.0 (12.5 %), devices 300.0 (15.0 %), idle 500.0 (25.0 %), rest 50.0 (2.5 %)`
	if got := strings.Join(r.Lines(StatsText), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if r.Lines(StatsNone) != nil {
		t.Error("lines without being asked")
	}
	var none Report // a run that ended at once
	none.Lines(StatsText)
}

func TestStatsJSON(t *testing.T) {
	r := someReport()
	r.Total = 5
	lines := r.Lines(StatsJSON)
	if len(lines) != 1 {
		t.Fatalf("%q", lines)
	}
	text, ok := strings.CutPrefix(lines[0], "stats: ")
	var got map[string]map[string]uint64
	if err := json.Unmarshal([]byte(text), &got); !ok || err != nil {
		t.Fatalf("%v in %s", err, lines[0])
	}
	for path, want := range map[string]uint64{
		"instructions.all": 1_247_011, "instructions.pages": 1_234_567, "exits.miss": 1000, "jumps.refills": 5,
		"unbound.DMA": 2, "pages.functions": 100, "time_ns.all": 5, "go_ns.single": 0,
	} {
		group, name, _ := strings.Cut(path, ".")
		if v, ok := got[group][name]; !ok || v != want {
			t.Errorf("%s is %d, want %d", path, v, want)
		}
	}
}

func TestStatsFlag(t *testing.T) {
	for _, c := range []struct {
		args, environ []string
		want          StatsForm
		rest          string
		bad           bool
	}{
		{args: []string{"--stats", "json"}, want: StatsText, rest: "json"},
		{args: []string{"--stats=json", "x"}, want: StatsJSON, rest: "x"},
		{args: []string{"--stats=text"}, want: StatsText},
		{args: []string{"--stats=0"}, environ: []string{"C2W_STATS=1"}, want: StatsNone},
		{args: []string{"--stats=xml"}, bad: true},
		{environ: []string{"C2W_STATS=json"}, want: StatsJSON},
		{environ: []string{"C2W_STATS=yes"}, want: StatsText},
		{environ: []string{"C2W_STATS="}, want: StatsNone},
	} {
		o, err := ParseArgs(append([]string{"file"}, c.args...), c.environ)
		if (err != nil) != c.bad || !c.bad && (o.Stats != c.want || strings.Join(o.Args, " ") != c.rest) {
			t.Errorf("%q %q: %d, %q, %v", c.args, c.environ, o.Stats, o.Args, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := millis(1_234_567_890) + " " + percent(1, 0) + " " + percent(1, 3); got != "1,234.5 - 33.3 %" {
		t.Error(got)
	}
}
