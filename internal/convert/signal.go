package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// signals are Linux's by number, from 1 on; some have a second name.
var signals = strings.Fields(`HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT
	CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS`)

var signalAliases = map[string]uint32{"IOT": 6, "CLD": 17, "POLL": 29, "UNUSED": 31}

// The ends of the real-time signals as programs count them: the C library keeps
// the first two for itself.
const rtMin, rtMax = 34, 64

// parseSignal reads a signal as image configurations name it: TERM, SIGTERM,
// 15, SIGRTMIN+3; "" is 0.
func parseSignal(s string) (uint32, error) {
	if s == "" {
		return 0, nil
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	n, ok := signalAliases[name]
	if i := slices.Index(signals, name); i >= 0 {
		n, ok = uint32(i+1), true
	}
	if v, err := strconv.ParseUint(name, 10, 16); err == nil && v >= 1 && v <= rtMax {
		n, ok = uint32(v), true
	}
	for prefix, base := range map[string]int64{"RTMIN": rtMin, "RTMAX": rtMax} {
		rest, has := strings.CutPrefix(name, prefix)
		switch {
		case !has:
		case rest == "":
			n, ok = uint32(base), true
		case rest[0] == '+' || rest[0] == '-':
			v, err := strconv.ParseInt(rest, 10, 16)
			if v += base; err == nil && v >= rtMin && v <= rtMax {
				n, ok = uint32(v), true
			}
		}
	}
	if !ok {
		return 0, fmt.Errorf("%q is no signal", s)
	}
	return n, nil
}
