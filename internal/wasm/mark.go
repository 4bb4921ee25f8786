package wasm

import "sort"

// Mark notes a position in code: what is written from there on, up to the next
// mark, belongs to Tag.
type Mark struct {
	Off int // byte offset in the code
	Tag int32
}

// Mark marks what is written next. Marks are for listings; they have no effect
// on the code.
func (c *Code) Mark(tag int32) { c.marks = append(c.marks, Mark{len(c.b), tag}) }

// Marks returns the marks of the code as [Code.Resolve] returns it, in rising
// order of offsets.
func (c *Code) Marks(r Resolver) ([]Mark, error) {
	out := append([]Mark(nil), c.marks...)
	sort.SliceStable(out, func(i, j int) bool { return out[i].Off < out[j].Off })
	grown, next := 0, 0
	for i := range out {
		for ; next < len(c.fix) && c.fix[next].off <= out[i].Off; next++ {
			n, err := c.fixupSize(r, c.fix[next])
			if err != nil {
				return nil, err
			}
			grown += n
		}
		out[i].Off += grown
	}
	return out, nil
}

func (c *Code) fixupSize(r Resolver, f fixup) (int, error) {
	index, err := c.resolve(r, f)
	if err != nil {
		return 0, err
	}
	if f.kind == symBlockType {
		return len(AppendS(nil, int64(index))), nil
	}
	return len(AppendU(nil, uint64(index))), nil
}
