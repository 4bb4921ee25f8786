//go:build !linux

package main

import (
	"context"
	"errors"
	"os/exec"
)

func underQEMU(context.Context, string, []string) (*exec.Cmd, error) {
	return nil, errors.New("-qemu needs Linux")
}
