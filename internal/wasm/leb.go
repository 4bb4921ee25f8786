package wasm

// AppendU appends the shortest unsigned LEB128 form of v (5.2.2).
func AppendU(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// AppendS appends the shortest signed LEB128 form of v (5.2.2).
func AppendS(b []byte, v int64) []byte {
	for v < -64 || v > 63 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v)&0x7f)
}

func appendName(b []byte, s string) []byte {
	return append(AppendU(b, uint64(len(s))), s...)
}
