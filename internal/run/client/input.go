package client

import (
	"io"

	"github.com/c2w/c2w/internal/format/attach"
)

// inputPiece is how much input is read at once, in bytes: enough that the cost
// per frame vanishes (100 MB in 400 frames), and little enough that a signal
// does not wait noticeably.
const inputPiece = 256 << 10

// copyInput sends the user's input as the container takes it. Nothing is read
// before there is credit: what the container does not take stays where it is,
// but for what a read happens to return beyond that.
func (c *client) copyInput() {
	// The header is written in front of the data, for one write of both.
	buf := make([]byte, attach.HeaderSize+inputPiece)
	for {
		n := c.waitCredit()
		if n == 0 {
			return
		}
		n, err := c.o.Stdin.Read(buf[attach.HeaderSize:][:n])
		if n > 0 {
			c.spend(n)
			h := attach.StdinHeader(n)
			copy(buf, h[:])
			if c.send(buf[:attach.HeaderSize+n]) != nil {
				return
			}
		}
		if err != nil {
			if err != io.EOF && !isHangup(err) {
				c.say("reading the container's input: " + err.Error())
			}
			c.post(attach.StdinEnd{})
			return
		}
	}
}

// waitCredit returns how much may be read and sent, or 0 if no input is wanted
// any more.
func (c *client) waitCredit() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.credit == 0 && !c.done {
		c.cond.Wait()
	}
	if c.done {
		return 0
	}
	return int(min(c.credit, inputPiece))
}

func (c *client) spend(n int) {
	c.mu.Lock()
	c.credit -= uint64(n)
	c.mu.Unlock()
}
