// Package fakeenv is the environment of a hart in tests: plain RAM, and a note of
// everything that is asked.
package fakeenv

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// The RAM of an Env, guest-physical, in bytes.
const (
	RAMBase = 0x8000_0000
	RAMSize = 64 * core.PageSize
)

// Env notes what it is asked to do.
type Env struct {
	RAM      [RAMSize]byte
	Time     uint64 // what Ticks returns
	Count    uint64 // what Retired returns
	Timer    uint64 // what SetTimer was told
	ReadOnly bool   // StorePhys refuses
	Quiet    bool   // do not note calls

	calls []string
}

var _ isa.Env = (*Env)(nil)

// Note notes a call.
func (e *Env) Note(format string, args ...any) {
	if !e.Quiet {
		e.calls = append(e.calls, fmt.Sprintf(format, args...))
	}
}

// Took returns what was noted since the last call.
func (e *Env) Took() string {
	s := strings.Join(e.calls, " ")
	e.calls = e.calls[:0]
	return s
}

func (e *Env) PhysBytes(addr, n uint64) []byte {
	off := addr - RAMBase
	if off > RAMSize || n > RAMSize-off {
		return nil
	}
	return e.RAM[off : off+n]
}

func (e *Env) LoadPhys(addr uint64, size int) (uint64, bool) {
	b := e.PhysBytes(addr, uint64(size))
	if b == nil {
		return 0, false
	}
	var w [8]byte
	copy(w[:], b)
	return binary.LittleEndian.Uint64(w[:]), true
}

func (e *Env) StorePhys(addr uint64, size int, v uint64) bool {
	b := e.PhysBytes(addr, uint64(size))
	if b == nil || e.ReadOnly {
		return false
	}
	var w [8]byte
	binary.LittleEndian.PutUint64(w[:], v)
	copy(b, w[:])
	return true
}

func (e *Env) FlushAll()           { e.Note("all") }
func (e *Env) FlushSpace()         { e.Note("space") }
func (e *Env) FlushPage(va uint64) { e.Note("page:%x", va) }
func (e *Env) FlushCode()          { e.Note("code") }
func (e *Env) Ticks() uint64       { return e.Time }
func (e *Env) Retired() uint64     { return e.Count }
func (e *Env) SetTimer(at uint64)  { e.Timer = at; e.Note("timer") }
func (e *Env) Wait()               { e.Note("wait") }
