package attach

import "strconv"

// order is what a parser remembers of the conversation.
type order struct {
	greeted  bool // Hello or Welcome has come
	terminal bool
	stdin    bool // the client may send input
	exited   bool
	credit   uint32
}

// Grant adds to what the client may send. The machine calls it for each
// [Window] that it sends.
func (o *order) Grant(n uint32) {
	if n > MaxCredit-o.credit {
		panic("BUG: attach credit of more than " + strconv.Itoa(MaxCredit) + " bytes")
	}
	o.credit += n
}

// Credit is how many bytes of [Stdin] the client may still send: granted by
// [Grant] and not come yet.
func (o *order) Credit() uint32 { return o.credit }

// allowed judges a frame by its kind alone.
func (o *order) allowed(from Side, kind byte) error {
	client := kind < kindWelcome
	switch {
	case client != (from == Client):
		return wrong(ErrOrder, "a kind "+strconv.Itoa(int(kind))+" frame is not for this direction")
	case o.exited:
		return wrong(ErrOrder, "a frame after the exit status")
	case client && o.greeted == (kind == kindHello):
		return wrong(ErrOrder, "the client's first frame, and no other, is Hello")
	case kind == kindWelcome && o.greeted:
		return wrong(ErrOrder, "a second Welcome")
	case !client && !o.greeted && kind != kindWelcome && kind != kindText && kind != kindExit:
		return wrong(ErrOrder, "a frame before Welcome")
	case kind == kindStdinEnd && !o.stdin:
		return wrong(ErrOrder, "the end of an input that is not open")
	case kind == kindResize && !o.terminal:
		return wrong(ErrOrder, "a size without a terminal")
	case kind == kindStderr && o.terminal:
		return wrong(ErrOrder, "error output apart from a terminal")
	}
	return nil
}

// spend takes a data frame's credit.
func (o *order) spend(kind byte, size uint32) error {
	if kind != kindStdin {
		return nil
	}
	if !o.stdin {
		return wrong(ErrOrder, "input that is not open")
	}
	if size > o.credit {
		return wrong(ErrOrder, strconv.FormatUint(uint64(size), 10)+" bytes of input with credit for "+strconv.FormatUint(uint64(o.credit), 10))
	}
	o.credit -= size
	return nil
}

// passed notes a message.
func (o *order) passed(from Side, m Message) error {
	switch m := m.(type) {
	case Hello:
		o.greeted, o.terminal, o.stdin = true, m.Terminal, m.Stdin
	case Welcome:
		o.greeted, o.terminal = true, m.Terminal
		if m.Version > Version {
			return wrong(ErrVersion, "the file speaks "+strconv.Itoa(int(m.Version))+", this side up to "+strconv.Itoa(Version))
		}
	case StdinEnd:
		o.stdin = false
	case Exit:
		o.exited = true
	}
	return nil
}

// Exited reports whether [Exit] has come.
func (o *order) Exited() bool { return o.exited }
