// Package c2w is the module's root. It has no API: it carries the sources of the
// machine, cmd/machine, for internal/convert/machinewasm, and lies here because
// what is embedded lies below it.
package c2w
