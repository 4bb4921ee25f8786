// Package boards lists the boards.
package boards

import (
	"github.com/c2w/c2w/internal/machine/board"
	"github.com/c2w/c2w/internal/machine/board/riscv64"
)

// All are the boards, in no order that means anything.
var All = []*board.Kind{riscv64.Kind}
