package x86_64

// Feature is what CPUID has to tell for a row to be defined.
type Feature uint8

const (
	Base Feature = iota // every x86-64 processor in 64-bit mode
	X87
	CMOV
	CX8
	CX16
	LAHF // in 64-bit mode; always there in compatibility mode
	SEP
	SYSCALL
	MMX
	FXSR
	SSE
	SSE2
	SSE3
	SSSE3
	SSE41
	SSE42
	POPCNT
	AESNI
	PCLMUL
	SHA
	RDRAND
	RDSEED
	XSAVE
	XSAVEOPT
	XSAVEC
	XSAVES
	FSGSBASE
	CLFLUSH
	CLFLUSHOPT
	CLWB
	PREFETCHW
	MONITOR
	RDTSCP
	RDPID
	INVPCID
	SMAP
	CETSS // shadow stacks: only the one instruction that is a NOP without them
	CETIBT
	AVX
	AVXInt // AVX for vectors of 128 bits, AVX2 for those of 256; see Insn.Feature
	AVX2
	F16C
	FMA
	BMI1
	BMI2
	LZCNT
	MOVBE
	ADX
	numFeatures
)

var featureNames = [numFeatures]string{
	"base", "x87", "CMOV", "CX8", "CX16", "LAHF", "SEP", "SYSCALL", "MMX", "FXSR", "SSE", "SSE2", "SSE3", "SSSE3", "SSE4.1", "SSE4.2",
	"POPCNT", "AES", "PCLMULQDQ", "SHA", "RDRAND", "RDSEED", "XSAVE", "XSAVEOPT", "XSAVEC", "XSAVES", "FSGSBASE", "CLFLUSH",
	"CLFLUSHOPT", "CLWB", "PREFETCHW", "MONITOR", "RDTSCP", "RDPID", "INVPCID", "SMAP", "CET_SS", "CET_IBT", "AVX", "AVX/AVX2",
	"AVX2", "F16C", "FMA", "BMI1", "BMI2", "LZCNT", "MOVBE", "ADX",
}

func (f Feature) String() string { return featureNames[f] }

// Feature is what the instruction needs.
func (in *Insn) Feature() Feature {
	f := in.Row.row().feature
	if f == AVXInt {
		f = AVX
		if in.L == 1 {
			f = AVX2
		}
	}
	return f
}

// Without names the instruction that an encoding is on a processor without its
// feature, if that is not an undefined one: such encodings were taken from prefixes
// that had been ignored and from hints that do nothing, and programs count on it.
func (id RowID) Without() (name string, ok bool) {
	switch r := id.row(); r.name {
	case "TZCNT":
		return "BSF", true
	case "LZCNT":
		return "BSR", true
	case "RDSSPD/RDSSPQ", "ENDBR64", "ENDBR32", "PREFETCHW":
		return "NOP", true
	}
	return "", false
}
