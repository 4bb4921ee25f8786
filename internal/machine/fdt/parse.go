package fdt

import (
	"bytes"
	"errors"
	"fmt"
)

// maxDepth bounds nesting when parsing; our own trees have four levels.
const maxDepth = 64

// Parse reads a flattened tree. It accepts any bytes; what is not a
// well-formed tree of version 17 is an error.
func Parse(b []byte) (*Node, error) {
	if len(b) < headerLen {
		return nil, errors.New("device tree: shorter than its header")
	}
	field := func(i int) uint64 { return uint64(be.Uint32(b[4*i:])) }
	if field(0) != magic || field(5) != version {
		return nil, errors.New("device tree: wrong magic or version")
	}
	total := field(1)
	if total > uint64(len(b)) {
		return nil, errors.New("device tree: cut short")
	}
	block := func(off, size uint64) ([]byte, error) {
		if off+size > total || off%4 != 0 && off != field(3) {
			return nil, errors.New("device tree: block outside the tree")
		}
		return b[off : off+size], nil
	}
	structure, err := block(field(2), field(9))
	if err != nil {
		return nil, err
	}
	strings, err := block(field(3), field(8))
	if err != nil {
		return nil, err
	}
	p := parser{structure: structure, strings: strings}
	if p.cell() != tokenBeginNode {
		return nil, errors.New("device tree: no root node")
	}
	root := p.node(0)
	if p.err == nil && p.cell() != tokenEnd {
		p.fail("no end after the root node")
	}
	return root, p.err
}

// parser walks the structure block; after the first error it yields zeros and
// makes no progress that a caller would wait for.
type parser struct {
	structure, strings []byte
	pos                int
	err                error
}

func (p *parser) fail(what string) {
	if p.err == nil {
		p.err = fmt.Errorf("device tree: at structure offset %d: %s", p.pos, what)
	}
}

func (p *parser) take(n uint32) []byte {
	padded := (uint64(n) + 3) &^ 3
	if p.err != nil || padded > uint64(len(p.structure)-p.pos) {
		p.fail("structure block ends early")
		return nil
	}
	b := p.structure[p.pos:][:n:n]
	p.pos += int(padded)
	return b
}

func (p *parser) cell() uint32 {
	b := p.take(4)
	if b == nil {
		return 0
	}
	return be.Uint32(b)
}

// node parses from behind its begin token to behind its end token.
func (p *parser) node(depth int) *Node {
	if depth > maxDepth {
		p.fail("nodes nested too deeply")
		return nil
	}
	end := bytes.IndexByte(p.structure[p.pos:], 0)
	if end < 0 {
		p.fail("node name without end")
		return nil
	}
	name := p.take(uint32(end + 1))
	if name == nil {
		return nil // the padding is missing
	}
	n := &Node{name: string(name[:end])}
	for p.err == nil {
		switch p.cell() {
		case tokenNop:
		case tokenProp:
			size, name := p.cell(), p.cell()
			n.Bytes(p.name(name), p.take(size))
		case tokenBeginNode:
			n.children = append(n.children, p.node(depth+1))
		case tokenEndNode:
			return n
		default:
			p.fail("unknown token")
		}
	}
	return nil
}

func (p *parser) name(off uint32) string {
	if uint64(off) < uint64(len(p.strings)) {
		if name, _, ok := bytes.Cut(p.strings[off:], []byte{0}); ok {
			return string(name)
		}
	}
	p.fail("property name outside the strings block")
	return ""
}

// Find returns the node reached from n by names such as "cpus", "cpu@0"; nil if
// there is none.
func (n *Node) Find(path ...string) *Node {
	for _, name := range path {
		var next *Node
		for _, c := range n.children {
			if c.name == name {
				next = c
			}
		}
		if next == nil {
			return nil
		}
		n = next
	}
	return n
}

// Prop returns a property's bytes, and whether it exists.
func (n *Node) Prop(name string) ([]byte, bool) {
	for _, p := range n.props {
		if p.name == name {
			return p.value, true
		}
	}
	return nil, false
}
