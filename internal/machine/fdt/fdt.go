// Package fdt writes flattened device trees (Devicetree Specification 0.4,
// chapter 5), and reads them back for tests.
//
// It must not know what a tree describes.
package fdt

import (
	"bytes"
	"encoding/binary"
)

const (
	magic      = 0xd00dfeed
	version    = 17
	compatible = 16
	headerLen  = 40

	tokenBeginNode = 1
	tokenEndNode   = 2
	tokenProp      = 3
	tokenNop       = 4
	tokenEnd       = 9
)

var be = binary.BigEndian

// Node is a node under construction. Properties and children are written in the
// order of the calls. The methods that add a property return the node.
type Node struct {
	name     string
	props    []prop
	children []*Node
}

type prop struct {
	name  string
	value []byte
}

// NewRoot makes the root node of a tree.
func NewRoot() *Node { return &Node{} }

// Child adds a node; name includes the unit address, if there is one.
func (n *Node) Child(name string) *Node {
	c := &Node{name: name}
	n.children = append(n.children, c)
	return c
}

// Bytes adds a property of raw bytes.
func (n *Node) Bytes(name string, value []byte) *Node {
	n.props = append(n.props, prop{name, value})
	return n
}

// Flag adds an empty property.
func (n *Node) Flag(name string) *Node { return n.Bytes(name, nil) }

// U32 adds a property of 32-bit cells.
func (n *Node) U32(name string, cells ...uint32) *Node {
	var b []byte
	for _, c := range cells {
		b = be.AppendUint32(b, c)
	}
	return n.Bytes(name, b)
}

// U64 adds a property of 64-bit values, two cells each.
func (n *Node) U64(name string, values ...uint64) *Node {
	var b []byte
	for _, v := range values {
		b = be.AppendUint64(b, v)
	}
	return n.Bytes(name, b)
}

// Strings adds a property of one or more strings, which hold no zero byte.
func (n *Node) Strings(name string, values ...string) *Node {
	var b []byte
	for _, s := range values {
		b = append(append(b, s...), 0)
	}
	return n.Bytes(name, b)
}

// Encode writes the tree with n as its root, boot CPU 0 and no memory
// reservations.
func (n *Node) Encode() []byte {
	var e encoder
	e.node(n)
	e.cell(tokenEnd)

	const reserveLen = 16 // only the terminating entry
	structOff := headerLen + reserveLen
	stringsOff := structOff + len(e.structure)
	total := stringsOff + len(e.strings)

	out := make([]byte, 0, total)
	for _, v := range []int{
		magic, total, structOff, stringsOff, headerLen, version, compatible, 0,
		len(e.strings), len(e.structure),
	} {
		out = be.AppendUint32(out, uint32(v))
	}
	out = append(out, make([]byte, reserveLen)...)
	out = append(out, e.structure...)
	return append(out, e.strings...)
}

// encoder collects the structure and the strings block.
type encoder struct {
	structure, strings []byte
}

func (e *encoder) cell(v uint32) { e.structure = be.AppendUint32(e.structure, v) }

func (e *encoder) padded(b []byte) {
	e.structure = append(e.structure, b...)
	for len(e.structure)%4 != 0 {
		e.structure = append(e.structure, 0)
	}
}

func (e *encoder) node(n *Node) {
	e.cell(tokenBeginNode)
	e.padded(append([]byte(n.name), 0))
	for _, p := range n.props {
		e.cell(tokenProp)
		e.cell(uint32(len(p.value)))
		e.cell(e.intern(p.name))
		e.padded(p.value)
	}
	for _, c := range n.children {
		e.node(c)
	}
	e.cell(tokenEndNode)
}

// intern returns the offset of name in the strings block. It may be found as
// the tail of another string, which the format allows.
func (e *encoder) intern(name string) uint32 {
	z := append([]byte(name), 0)
	if i := bytes.Index(e.strings, z); i >= 0 {
		return uint32(i)
	}
	e.strings = append(e.strings, z...)
	return uint32(len(e.strings) - len(z))
}
