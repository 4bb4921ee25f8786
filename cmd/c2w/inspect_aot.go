package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/c2w/c2w/internal/convert"
)

// inspectAOT shows what of a file's guest code is translated.
func inspectAOT(inv *invocation, name string, asJSON bool) error {
	f, _, size, err := openFile(name)
	if err != nil {
		return err
	}
	defer f.Close()
	a, err := convert.ReadAOT(f, size)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if a == nil {
		a = &convert.AOTInfo{Mode: convert.AOTNone}
	}
	if asJSON {
		e := json.NewEncoder(inv.stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(a)
	}
	share := func(samples uint64) string {
		return fmt.Sprintf("%.1f %%", 100*float64(samples)/float64(max(a.Samples, 1)))
	}
	row := func(name, format string, args ...any) {
		fmt.Fprintf(inv.stdout, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("translated", "%s", a.Mode)
	if a.Mode == convert.AOTNone {
		return nil
	}
	for _, c := range a.Train {
		row("trained by", "%s", visible([]string{c})[0])
	}
	pages := 0
	for _, p := range a.Programs {
		pages += len(p.Pages)
	}
	row("takes", "%s of at most %s: %s, %s of the guest", convert.Bytes(a.Bytes), convert.Bytes(a.Budget), count(pages, "page"), count(int(a.Instructions), "instruction"))
	row("covers", "%s of the profile's samples", share(a.Covered))
	row("left out", "%s of the samples; %s, for which %s more would do", share(a.Left.Samples), count(a.Left.Pages, "page"), convert.Bytes(a.Left.Bytes))
	if a.Unknown > 0 {
		row("unknown", "%s of the samples are in code that is in no file", share(a.Unknown))
	}
	fmt.Fprintln(inv.stdout)
	t := tabwriter.NewWriter(inv.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "pages\tinstructions\tbytes\tsamples\t  program\n")
	for i := range a.Programs {
		p := &a.Programs[i]
		sum := p.Sum()
		fmt.Fprintf(t, "%d\t%d\t%s\t%s\t  %s\n", len(p.Pages), sum.Instructions, convert.Bytes(int64(sum.Bytes)), share(sum.Samples), visible([]string{p.Name})[0])
	}
	return t.Flush()
}
