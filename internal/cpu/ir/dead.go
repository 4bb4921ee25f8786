package ir

// DropDead turns the nodes whose value nobody needs, and that do nothing else,
// into constants: those cost nothing, and what they read is not read. Lifters
// leave such nodes behind where an operand turns out not to matter.
func (b *Block) DropDead() {
	needed := make([]bool, len(b.Nodes))
	for i := len(b.Nodes) - 1; i >= 0; i-- {
		n := &b.Nodes[i]
		if !needed[i] && (n.Op.Pure() || n.Op == Get || n.Op == PC || n.Op == NextPC) {
			*n = noArgs(Node{Op: Const, Type: n.Type})
			continue
		}
		for _, a := range n.Args {
			if a >= 0 {
				needed[a] = true
			}
		}
	}
}
