package hostcpu

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// ErrNotHere is what New's and Step's errors are where sequences cannot be
// executed: another system or architecture, or a sandbox that forbids memfd,
// ptrace or system call filters. The error says which. Tests skip on it.
var ErrNotHere = errors.New("sequences cannot be executed natively here")

// Options are a host's; the zero value is as good as any.
type Options struct {
	// Bound is how much CPU time a sequence may take; 50 ms if 0. It is measured by
	// the kernel's tick: a sequence gets one to two times as much. When traced
	// it is 20 times the bound, of wall time.
	Bound time.Duration
	// NoYMM leaves the upper halves of vector registers alone, and NoFSGSBASE
	// sets segment bases by system calls, as on processors that lack AVX and
	// those instructions.
	NoYMM, NoFSGSBASE bool
}

// Features are the extensions that user mode may use, by the names that Linux
// gives them in /proc/cpuinfo, or by the manual's where Linux has none.
type Features map[string]bool

// Missing are those of the names that the host lacks.
func (f Features) Missing(names ...string) []string {
	var list []string
	for _, n := range names {
		if !f[n] {
			list = append(list, n)
		}
	}
	return list
}

// List is what the host has, sorted.
func (f Features) List() []string { return slices.Sorted(maps.Keys(f)) }

// bit is a feature's place in what CPUID tells.
type bit struct {
	leaf, subleaf uint32
	reg           int // RAX, RBX, RCX or RDX
	bit           uint8
	state         uint8 // what has to be enabled in XCR0
}

// stateAVX are SSE and AVX state in XCR0, stateAVX512 what AVX-512 adds.
const (
	stateAVX    = 6
	stateAVX512 = 0xe6
)

var featureBits = map[string]bit{
	"fpu": {1, 0, RDX, 0, 0}, "tsc": {1, 0, RDX, 4, 0}, "cx8": {1, 0, RDX, 8, 0}, "cmov": {1, 0, RDX, 15, 0},
	"clflush": {1, 0, RDX, 19, 0}, "mmx": {1, 0, RDX, 23, 0}, "fxsr": {1, 0, RDX, 24, 0},
	"sse": {1, 0, RDX, 25, 0}, "sse2": {1, 0, RDX, 26, 0},
	"pni": {1, 0, RCX, 0, 0}, "pclmulqdq": {1, 0, RCX, 1, 0}, "ssse3": {1, 0, RCX, 9, 0}, "fma": {1, 0, RCX, 12, stateAVX},
	"cx16": {1, 0, RCX, 13, 0}, "sse4_1": {1, 0, RCX, 19, 0}, "sse4_2": {1, 0, RCX, 20, 0}, "movbe": {1, 0, RCX, 22, 0},
	"popcnt": {1, 0, RCX, 23, 0}, "aes": {1, 0, RCX, 25, 0}, "xsave": {1, 0, RCX, 26, 0}, "osxsave": {1, 0, RCX, 27, 0},
	"avx": {1, 0, RCX, 28, stateAVX}, "f16c": {1, 0, RCX, 29, stateAVX}, "rdrand": {1, 0, RCX, 30, 0},
	"hypervisor": {1, 0, RCX, 31, 0},
	"fsgsbase":   {7, 0, RBX, 0, 0}, "bmi1": {7, 0, RBX, 3, 0}, "avx2": {7, 0, RBX, 5, stateAVX}, "bmi2": {7, 0, RBX, 8, 0},
	"erms": {7, 0, RBX, 9, 0}, "rdseed": {7, 0, RBX, 18, 0}, "adx": {7, 0, RBX, 19, 0},
	"clflushopt": {7, 0, RBX, 23, 0}, "clwb": {7, 0, RBX, 24, 0}, "sha_ni": {7, 0, RBX, 29, 0},
	"avx512f": {7, 0, RBX, 16, stateAVX512}, "avx512vl": {7, 0, RBX, 31, stateAVX512}, "avx512bw": {7, 0, RBX, 30, stateAVX512},
	"vaes": {7, 0, RCX, 9, stateAVX}, "vpclmulqdq": {7, 0, RCX, 10, stateAVX}, "gfni": {7, 0, RCX, 8, 0},
	"rdpid": {7, 0, RCX, 22, 0}, "movdiri": {7, 0, RCX, 27, 0}, "fsrm": {7, 0, RDX, 4, 0}, "umip": {7, 0, RCX, 2, 0},
	"xsaveopt": {13, 1, RAX, 0, 0}, "xsavec": {13, 1, RAX, 1, 0}, "xgetbv1": {13, 1, RAX, 2, 0},
	"lahf_lm": {1<<31 | 1, 0, RCX, 0, 0}, "abm": {1<<31 | 1, 0, RCX, 5, 0}, "sse4a": {1<<31 | 1, 0, RCX, 6, 0},
	"3dnowprefetch": {1<<31 | 1, 0, RCX, 8, 0}, "xop": {1<<31 | 1, 0, RCX, 11, stateAVX},
	"fma4": {1<<31 | 1, 0, RCX, 16, stateAVX}, "tbm": {1<<31 | 1, 0, RCX, 21, 0},
	"rdtscp": {1<<31 | 1, 0, RDX, 27, 0}, "lm": {1<<31 | 1, 0, RDX, 29, 0},
}
