package guestdrv

// scriptStep is the length of one step of a script: operation u8, small operand
// u8, position u16, value u32.
const scriptStep = 8

// scriptLimit bounds a script's steps, so that one input stays quick.
const scriptLimit = 4096

// Script drives the device by arbitrary bytes: register accesses of all sizes,
// pokes into RAM where the queues lie, notifications, and calls of host, a host
// event of the test's own.
func (d *Driver) Script(b []byte, host func(kind uint8, value uint32)) {
	const size = 8
	for n := 0; len(b) >= scriptStep && n < scriptLimit; n++ {
		op, small, pos, value := b[0], b[1], uint64(le.Uint16(b[2:])), le.Uint32(b[4:])
		b = b[scriptStep:]
		switch op % size {
		case 0:
			d.W(pos%0x110&^3, value)
		case 1:
			d.Regs.Write(pos%0x1000, 1<<(small%4), uint64(value)<<32|uint64(value))
		case 2:
			d.Regs.Read(pos%0x1000, 1<<(small%4))
		case 3: // any value
			le.PutUint32(d.RAM.Bytes[pos:], value)
		case 4: // an address in RAM, or just beyond
			le.PutUint64(d.RAM.Bytes[pos&^15:], Base+uint64(value)%uint64(len(d.RAM.Bytes)+64))
		case 5: // one more chain, of whatever the table holds
			if i := int(small); i < len(d.Queues) {
				q := d.Queues[i]
				q.Expose(uint16(pos) % (q.Size + 1))
			}
		case 6:
			d.W(regNotify, uint32(small))
		case 7:
			host(small, value)
		}
	}
}

// Scripts are a few beginnings for a fuzzer: a request on each of n queues with
// one buffer of either direction.
func Scripts(n int) (seeds [][]byte) {
	step := func(op, small byte, pos uint16, value uint32) []byte {
		return le.AppendUint32(le.AppendUint16([]byte{op, small}, pos), value)
	}
	for _, flags := range []uint32{0, FlagWrite, FlagIndirect, FlagNext | 1<<16} {
		var s []byte
		for i := range n {
			s = append(s, step(4, 0, 0x1000, 0x8000)...)
			s = append(s, step(3, 0, 0x1008, 64)...)
			s = append(s, step(3, 0, 0x100c, flags)...)
			s = append(s, step(5, byte(i), 0, 0)...)
			s = append(s, step(6, byte(i), 0, 0)...)
			s = append(s, step(7, byte(i), 0, 7)...)
		}
		seeds = append(seeds, s)
	}
	return seeds
}
