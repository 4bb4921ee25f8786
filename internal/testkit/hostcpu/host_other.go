//go:build !linux || !amd64

package hostcpu

import (
	"fmt"
	"runtime"
)

// Host is not there on this platform: New says so.
type Host struct{}

// New returns an error that is ErrNotHere.
func New(Options) (*Host, error) {
	return nil, fmt.Errorf("%w: they are linux/amd64's, this is %s/%s", ErrNotHere, runtime.GOOS, runtime.GOARCH)
}

func (*Host) Features() Features              { return nil }
func (*Host) Run([]Case) ([]Result, error)    { return nil, ErrNotHere }
func (*Host) Step(*Case, int) (Result, error) { return Result{}, ErrNotHere }
func (*Host) RunTraced(*Case) (Result, error) { return Result{}, ErrNotHere }
func (*Host) Starts(*Case) ([]int, error)     { return nil, ErrNotHere }
func (*Host) Close() error                    { return nil }
