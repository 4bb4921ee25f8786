// Package lz4 packs and unpacks single blocks in the LZ4 block format (without
// its frames). The packer looks for the cheapest parse rather than the first:
// it runs once, at conversion. The unpacker runs in the machine and is written
// for Go compiled to Wasm, where branches and calls are dear.
//
// Neither knows what the bytes mean nor where they are kept.
package lz4

import (
	"encoding/binary"
	"errors"
)

// ErrCorrupt is returned for every block that is not valid for its output size.
var ErrCorrupt = errors.New("lz4: block is corrupt")

// Constants of the block format.
const (
	minMatch  = 4
	maxOffset = 1<<16 - 1
	// No match starts within the last 12 bytes or ends within the last 5.
	lastStart = 12
	lastEnd   = 5
)

var le = binary.LittleEndian
