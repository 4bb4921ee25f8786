package main

import (
	"fmt"
	"io"
	"slices"
)

// report is pages.json. Sizes are bytes.
type report struct {
	Pages     []pageReport `json:"pages"`
	FileBytes int64        `json:"file_bytes"`
	Run       runReport    `json:"run"`
}

// pageReport is one page function, hottest first.
type pageReport struct {
	Content      string `json:"content"` // hash of the code page
	Mode         uint32 `json:"mode"`
	Samples      int    `json:"samples"` // of the training run
	Entries      int    `json:"entries"`
	Instructions int    `json:"instructions"` // of the guest, translated
	Bytes        int    `json:"bytes"`        // of Wasm
}

// runReport is the training command once more, with the page functions.
type runReport struct {
	Command      string `json:"command"`
	Instructions uint64 `json:"instructions"` // executed, those of the boot included
	Translated   uint64 `json:"translated"`   // of them in page functions
	PageCalls    uint64 `json:"page_calls"`
	InterpCalls  uint64 `json:"interpreter_calls"`
	Bound        uint64 `json:"pages_bound"`
	Dropped      uint64 `json:"pages_dropped"` // decoded pages that a store or DMA changed
}

func (r *report) total() (bytes int64) {
	for _, p := range r.Pages {
		bytes += int64(p.Bytes)
	}
	return bytes
}

func (r *report) text(w io.Writer) {
	var user, insns, entries int
	var sizes []int
	for _, p := range r.Pages {
		if p.Mode == userMode {
			user++
		}
		insns += p.Instructions
		entries += p.Entries
		sizes = append(sizes, p.Bytes)
	}
	slices.Sort(sizes)
	n := len(r.Pages)
	fmt.Fprintf(w, "%d page functions: %d of the kernel, %d of programs; %d guest instructions, %d entries\n", n, n-user, user, insns, entries)
	fmt.Fprintf(w, "%d bytes of Wasm, %.1f for a guest instruction; the largest function %d, the median %d\n",
		r.total(), float64(r.total())/float64(max(insns, 1)), sizes[n-1], sizes[n/2])
	s := &r.Run
	fmt.Fprintf(w, "%s: %d bindings; %.1f %% of %d M instructions in page functions; %.0f in each of their calls, %.0f in each of the interpreter's\n",
		s.Command, s.Bound, 100*float64(s.Translated)/float64(s.Instructions), s.Instructions/1e6,
		float64(s.Translated)/float64(max(s.PageCalls, 1)), float64(s.Instructions-s.Translated)/float64(max(s.InterpCalls, 1)))
}
