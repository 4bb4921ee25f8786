package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a flag's number of bytes, written as docker's --memory: a number
// with an optional unit b, k, m or g, binary, in either case; "MiB" and the
// like are read too.
type size uint32

func (s *size) String() string { return strconv.FormatUint(uint64(*s), 10) }
func (*size) Type() string     { return "SIZE" }

func (s *size) Set(text string) error {
	number := strings.ToLower(strings.TrimSpace(text))
	shift := 0
	for i, unit := range []string{"b", "k", "m", "g"} {
		for _, suffix := range []string{unit, unit + "b", unit + "ib"} {
			if n, ok := strings.CutSuffix(number, suffix); ok && (i > 0 || suffix == "b") && (n == "" || n[len(n)-1] <= '9') {
				number, shift = n, 10*i
			}
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(n > 0) || math.IsInf(n, 0) {
		return fmt.Errorf("a size is written like 256m or 1g")
	}
	n *= float64(uint64(1) << shift)
	if n > math.MaxUint32 {
		return fmt.Errorf("more than a WebAssembly memory holds")
	}
	*s = size(n)
	return nil
}
