package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a flag's number of bytes, less than a WebAssembly memory holds.
type size uint32

func (s *size) String() string { return strconv.FormatUint(uint64(*s), 10) }
func (*size) Type() string     { return "SIZE" }

func (s *size) Set(text string) error {
	n, err := parseSize(text)
	if err != nil {
		return err
	}
	if n > math.MaxUint32 {
		return fmt.Errorf("more than a WebAssembly memory holds")
	}
	*s = size(n)
	return nil
}

// parseSize reads a number of bytes, at least 1, as docker's --memory takes it:
// a number with an optional unit b, k, m or g, binary, in either case; "MiB" and
// the like are read too.
func parseSize(text string) (int64, error) {
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
	n *= float64(uint64(1) << shift)
	if err != nil || !(n >= 1) || n >= math.MaxInt64 {
		return 0, fmt.Errorf("a size is written like 256m or 1g")
	}
	return int64(n), nil
}
