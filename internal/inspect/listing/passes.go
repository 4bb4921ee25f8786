package listing

import (
	"fmt"
	"io"
	"strings"

	"github.com/c2w/c2w/internal/cpu/emit"
)

// Passes prints what each pass of the emitter makes of the page, which is
// translated anew: as the page function that there is, where it is known of what
// that was made, or entered at an offset. Of what is known of other pages nothing
// is repeated, so there are no links. k is a core with the arguments of the
// machine's.
func (p *Page) Passes(w io.Writer, k *emit.Core, at int) error {
	s := &emit.Source{Code: p.Code, Mode: p.Mode, Entries: p.Entries}
	of := "the file's page function"
	switch {
	case p.body == nil:
		s.Entries, of = []uint16{uint16(at)}, fmt.Sprintf("a page function that is entered at +%#x", at)
	case p.unknown == nil:
		for _, i := range p.instructions() {
			s.Ran = append(s.Ran, uint16(i.off))
		}
	}
	var made []emit.Pass
	own := *k
	own.SeePass = func(_ *emit.Source, x emit.Pass) {
		if len(made) > 0 && x.Name == made[0].Name {
			made = nil // it was too large, and is made of less
		}
		made = append(made, x)
	}
	f, ok := own.TranslateSource(s)
	var b strings.Builder
	fmt.Fprintf(&b, ";; the passes of %s, translated anew", of)
	if ok {
		fmt.Fprintf(&b, ": %d instructions, %d bytes", f.Insns, f.Func.Body.Len())
	}
	if p.marked() {
		fmt.Fprintf(&b, "; in the file %d, %d", len(p.instructions()), len(p.body))
	}
	b.WriteByte('\n')
	for i, x := range made {
		fmt.Fprintf(&b, "\n;; %d. %s: %s\n", i+1, x.Name, x.Why)
		text := x.String()
		if text == "" {
			text = "nothing\n"
		}
		for l := range strings.Lines(text) {
			b.WriteString(p.noted(slotInIR.ReplaceAllStringFunc(l, p.named)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
