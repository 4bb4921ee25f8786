package x86_64

import (
	"bufio"
	"bytes"
	"debug/elf"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// slot is the distance of samples in what objdump is given. The rest of a slot is NOPs, so
// that objdump finds the next sample whatever it makes of this one.
const slot = 32

// line is what objdump says of an instruction.
type line struct {
	length int
	text   string
}

// objdump disassembles with binutils, an independent reading of the manual.
func objdump(t testing.TB, mode Mode, args []string, each func(addr uint64, l line)) {
	path, err := exec.LookPath("objdump")
	if err != nil {
		t.Skip("no objdump")
	}
	machine := "i386:x86-64"
	if mode == Mode32 {
		machine = "i386"
	}
	if out, _ := exec.Command(path, "--help").Output(); !bytes.Contains(out, []byte("x86-64")) {
		t.Skip("objdump of another architecture")
	}
	cmd := exec.Command(path, append([]string{"-w", "-z", "-m", machine, "-M", "intel,intel64"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(out)
	for scan.Scan() {
		// "  401000:\t48 89 e5             \tmov    rbp,rsp"
		fields := strings.SplitN(scan.Text(), "\t", 3)
		if len(fields) < 2 || !strings.HasSuffix(fields[0], ":") {
			continue
		}
		addr, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(fields[0]), ":"), 16, 64)
		if err != nil {
			continue
		}
		l := line{length: (len(strings.TrimSpace(fields[1])) + 1) / 3}
		if len(fields) == 3 {
			l.text = fields[2]
		}
		each(addr, l)
	}
	if err := cmd.Wait(); err != nil || scan.Err() != nil {
		t.Fatalf("objdump: %v\n%s", err, stderr.String())
	}
}

// objdumpSamples disassembles each sample, which lies at slot × its number.
func objdumpSamples(t testing.TB, mode Mode, list [][]byte) []line {
	code := bytes.Repeat([]byte{0x90}, slot*len(list)+slot)
	for i, s := range list {
		copy(code[slot*i:], s)
	}
	name := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(name, code, 0o666); err != nil {
		t.Fatal(err)
	}
	result := make([]line, len(list))
	objdump(t, mode, []string{"-D", "-b", "binary", name}, func(addr uint64, l line) {
		if i := addr / slot; addr%slot == 0 && i < uint64(len(list)) {
			result[i] = l
		}
	})
	return result
}

// plain is objdump's text with blanks made one, without symbols, and with addresses as
// it writes them where there are no symbols.
func plain(s string) string {
	s = strings.Join(strings.Fields(symbols.ReplaceAllString(s, "")), " ")
	return addresses.ReplaceAllString(s, "${1}0x$2")
}

var (
	symbols   = regexp.MustCompile(` <[^>]*>`)
	addresses = regexp.MustCompile(`(# |(?:call|xbegin|j[a-z]+|loop[a-z]*)(?:,p[nt])? )([0-9a-f]+)$`)
)

// compare is what differs between us and objdump, and why that is known: "" if it is
// not.
func compare(code []byte, pc uint64, mode Mode, theirs line) (ours string, same bool, reason string) {
	in, ok := Decode(code, mode)
	if !ok {
		return "cut off", false, ""
	}
	ours = plain(Disasm(code, pc, mode))
	text := plain(theirs.text)
	if int(in.Len) == theirs.length && ours == text {
		return ours, true, ""
	}
	return ours, false, difference(&in, code, ours, text, theirs.length)
}

var (
	prefixWords = regexp.MustCompile(`\b(data16|rex(\.W?R?X?B?)?|addr32|addr16|[c-g]s|es|ss|repz|repnz|rep|bnd|notrack|xacquire|xrelease) `)
	branchHints = regexp.MustCompile(`,p[nt] `)
	noIndex     = regexp.MustCompile(`\+[er]iz\*[1248]`)
	onlyDisp    = regexp.MustCompile(`((?:[c-g]s|es|ss):)?\[([er])iz\*[1248]([+-])0x([0-9a-f]+)\]`)
)

// spellings are names that differ from objdump's: where its own say a size that the
// manual's do not, and the manual's a size that its do not.
var spellings = map[string]string{
	"pushw": "push", "popw": "pop", "pushfw": "pushf", "popfw": "popf", "enterw": "enter", "leavew": "leave", "retfq": "retf", "retfw": "retf",
	"retw": "ret", "iretd": "iret", "iretw": "iret", "pushad": "pusha", "popad": "popa", "pushaw": "pusha", "popaw": "popa",
	"sgdtd": "sgdt", "sidtd": "sidt", "lgdtd": "lgdt", "lidtd": "lidt", "sgdtw": "sgdt", "sidtw": "sidt", "lgdtw": "lgdt", "lidtw": "lidt",
	"pcmpestriq": "pcmpestri", "pcmpestrmq": "pcmpestrm", "vpcmpestriq": "vpcmpestri", "vpcmpestrmq": "vpcmpestrm",
	"callw": "call", "jmpw": "jmp", "fneni(8087": "fneni", "fndisi(8087": "fndisi", "fnsetpm(287": "fnsetpm", "sysretl": "sysretd", "sysexit": "sysexitd",
	"fldenvw": "fldenv", "fnstenvw": "fnstenv", "frstorw": "frstor", "fnsavew": "fnsave",
}

// without takes out of a text what objdump prints by its own taste.
func without(s string) string {
	s = prefixWords.ReplaceAllString(branchHints.ReplaceAllString(s+" ", " "), "")
	s = noIndex.ReplaceAllString(onlyDisp.ReplaceAllStringFunc(s, absolute), "")
	s = strings.TrimPrefix(s, "{vex} ")
	name, rest, _ := strings.Cut(s, " ")
	if n, ok := spellings[name]; ok {
		name = n
	}
	return strings.TrimSpace(name + " " + strings.TrimSuffix(strings.TrimSpace(rest), "only)"))
}

// absolute is an address that objdump writes with an index of none, without.
func absolute(s string) string {
	m := onlyDisp.FindStringSubmatch(s)
	v, _ := strconv.ParseUint(m[4], 16, 64)
	if m[3] == "-" {
		v = -v
	}
	if m[2] == "e" {
		v &= 0xffff_ffff
	}
	if m[1] == "" {
		m[1] = "ds:"
	}
	return fmt.Sprintf("%s%#x", m[1], v)
}

// difference is why we and objdump are known to differ in an instruction.
func difference(in *Insn, code []byte, ours, theirs string, length int) string {
	name, enc := in.Row.Name(), in.Row.Encoding()
	bad := strings.Contains(theirs, "(bad)")
	switch same := int(in.Len) == length; {
	case in.Undefined():
		return undefinedHere(in, code, theirs)
	case length == 0:
		return "" // not printed
	case same && without(ours) == without(theirs):
		return "prefixes, an index of none and size suffixes are named otherwise"
	case in.Row.row().attr&alias != 0 || name == "SALC":
		return "an alias that the manual does not have"
	case strings.HasSuffix(enc, "FENCE") || strings.HasSuffix(enc, "11B") && strings.HasSuffix(name, "FENCE"):
		return "a fence with another ModRM.rm"
	case strings.HasPrefix(enc, "0F 1") && name == "NOP" || strings.HasPrefix(enc, "0F 0D"):
		return "a hint of an extension that is not in the table"
	case same && in.Mode == Mode32 && in.Has(PrefixOp) && in.Row.row().attr&f64 != 0:
		return "a 16-bit branch, whose target objdump does not cut off"
	case bad && in.Row.Encoding()[0] != 'V' && in.Has(PrefixOp|PrefixRep|PrefixRepne):
		return "a prefix that the manual's NP does not forbid"
	case same && name == "XLAT", same && name == "MONITOR", same && name == "MWAIT":
		return "implicit operands"
	case same && in.Has(PrefixOp) && (in.Has(PrefixW) || strings.Contains(in.Row.Operands(), "y") || name == "RDPID"):
		return "66 where it does not count"
	case same && in.Has(PrefixW) && strings.HasSuffix(in.Row.Operands(), "Mp"):
		return "far pointers with REX.W as AMD has them"
	case same && in.Has(PrefixVEX) && in.L == 1:
		return "ymm where L is ignored"
	case same && in.Has(PrefixOp) && (name == "MOVQ2DQ" || name == "MOVDQ2Q"):
		return "a register that objdump takes for a vector with 66"
	case same && in.Has(PrefixW) && strings.HasPrefix(in.Row.Operands(), "Gd,"):
		return "a doubleword, zero-extended to the quadword that objdump prints"
	case same && strings.Contains(ours, "notrack") && in.Override != SegNone:
		return "a segment that objdump lets NOTRACK replace"
	case same && strings.Contains(name, "PCLMULQDQ") && in.Imm&^1 == 2:
		return "PCLMULQDQ with bits that count for nothing, which objdump takes for others"
	case same && in.RIPRel && in.AddrSize == 4:
		return "an address of 32 bits that objdump extends"
	case name == "XCHG" && in.Op == 0x90:
		return "XCHG r8 with F3, which objdump takes for PAUSE"
	case name == "WBINVD" && in.Has(PrefixRep):
		return "WBNOINVD, which is WBINVD without its extension"
	case bare.MatchString(theirs) && strings.Contains(theirs, "rex"):
		return "REX that another prefix follows, which objdump prints by itself"
	case name == "FWAIT":
		return "FWAIT as a prefix of what follows"
	}
	return ""
}

// beyond are the extensions that objdump knows and the table does not have, by the
// names of their instructions.
var beyond = []struct {
	reason string
	names  *regexp.Regexp
}{
	{"AVX-512", regexp.MustCompile(`^k(mov|and|andn|or|xor|xnor|not|ortest|test|shift|unpck|add)[a-z]*$`)},
	{"RTM", regexp.MustCompile(`^x(begin|end|abort|test|susldtrk|resldtrk)$`)},
	{"PKU", regexp.MustCompile(`^(rd|wr)pkru$`)},
	{"CET", regexp.MustCompile(`^(incssp[dq]|rdssp[dq]|saveprevssp|rstorssp|wru?ss[dq]|(set|clr)ssbsy|endbr32|endbr64)$`)},
	{"VMX, SVM, SMX, SEV, SGX, TDX, SMM", regexp.MustCompile(`^(vm(call|launch|resume|xoff|xon|read|write|ptrld|ptrst|clear|func|run|mcall|load|save|mcall|gexit)|stgi|clgi|skinit|invlpga|inv(ept|vpid)|getsec|encl[suv]|seam(ret|call|ops)|tdcall|pvalidate|rmp(adjust|update|query)|psmash|rsm|invlpgb|tlbsync)$`)},
	{"AMD's 3DNow!, SSE4a, XOP, FMA4, TBM, LWP", regexp.MustCompile(`^(p?f[a-z0-9]+|pi2f[dw]|pmulhrw|pavgusb|pswapd|femms|extrq|insertq|movnts[sd]|vfn?m(add|sub)[a-z]*|vp(ma[cd]|cmov|com|rot|sh[al]|h(add|sub)|perm|mac)[a-z0-9]*|vpermil2p[sd]|vfrcz[a-z]+|bextr|blc[a-z]+|bls[a-z]+|tzmsk|t1mskc|llwpcb|slwpcb|lwp(ins|val))$`)},
	{"287", regexp.MustCompile(`^frstpm`)},
	{"VIA's PadLock", regexp.MustCompile(`^(montmul|x(sha|crypt|store)[a-z0-9-]*)$`)},
	{"later extensions", regexp.MustCompile(`^(monitorx|mwaitx|rdpru|clzero|mcommit|serialize|hreset|uiret|testui|clui|stui|senduipi|umonitor|umwait|tpause|ptwrite|pconfig|wbnoinvd|cldemote|movdir(i|64b)|enqcmds?|loadiwkey|aes[a-z0-9]+kl|encodekey[a-z0-9]*|v?gf2p8[a-z]+|vpdp[a-z]+|v?aes[a-z]+|vpclmul[a-z]+|vpmadd52[a-z]+|vbcstne[a-z0-9]+|vcvtne[a-z0-9]+|t(dp|ile|cmm)[a-z0-9]+|ldtilecfg|sttilecfg|(rd|wr)msrlist|wrmsrns|aadd|aand|aor|axor|cmp[a-z]+xadd|prefetchit[01]|vsha512[a-z0-9]+|vsm[34][a-z0-9]+|bnd[a-z]+|nop|prefetchwt1|prefetch)$`)},
}

// undefinedHere is why an encoding that means something to objdump means nothing to us.
func undefinedHere(in *Insn, code []byte, theirs string) string {
	if strings.Contains(theirs, "(bad)") || bare.MatchString(theirs) {
		return "undefined to both"
	}
	if in.Row == TooLong {
		return "too long"
	}
	stripped := without(theirs)
	name, _, _ := strings.Cut(stripped, " ")
	prefixes := map[byte]bool{}
	rex := false
	for len(code) > 1 && prefixKinds[in.Mode][code[0]] != notPrefix {
		rex = prefixKinds[in.Mode][code[0]] == isREX
		prefixes[code[0]] = true
		code = code[1:]
	}
	if prefixes[0xf0] {
		return "LOCK where it is not allowed"
	}
	if code[0] == 0x62 {
		return "AVX-512"
	}
	for _, b := range beyond {
		if b.names.MatchString(name) {
			return b.reason
		}
	}
	mandatory := prefixes[0x66] || prefixes[0xf2] || prefixes[0xf3]
	switch vex := code[0] == 0xc4 || code[0] == 0xc5; {
	case vex && (mandatory || rex):
		return "66, F2, F3 or REX before VEX"
	case vex && strings.HasPrefix(name, "vzero"):
		return "VEX.vvvv where it must be 1111B"
	case vex && strings.HasSuffix(name, "mxcsr"):
		return "VEX.pp where it must be 0"
	case code[0] == 0x0f && (code[1] == 0xae || code[1] == 0xc7 || code[1] == 0xd7) && mandatory:
		return "a prefix that the manual's NP forbids"
	case strings.HasPrefix(name, "sys"):
		return "SYSCALL and SYSRET in compatibility mode, which only AMD has"
	case name == "mov" && specialRegister.MatchString(stripped):
		return "a control, debug or test register that does not exist"
	case name == "mov" && (code[0] == 0x8c || code[0] == 0x8e):
		return "a segment register that does not exist or cannot be loaded"
	}
	return ""
}

var specialRegister = regexp.MustCompile(`\b([cd]r[0-9]|tr[0-9])|\?`)

// bare is what objdump prints of prefixes that no instruction follows.
var bare = regexp.MustCompile(`^((data16|rex(\.W?R?X?B?)?|addr32|addr16|[c-g]s|es|ss|repz|repnz|rep|bnd|notrack|xacquire|xrelease|lock)( |$))*$`)

func TestRowsAgainstObjdump(t *testing.T) {
	for mode, name := range []string{"64", "32"} {
		t.Run(name, func(t *testing.T) {
			list := allSamples(Mode(mode))
			shown, known := map[RowID]int{}, map[string]int{}
			for i, theirs := range objdumpSamples(t, Mode(mode), list) {
				ours, same, reason := compare(list[i], uint64(slot*i), Mode(mode), theirs)
				if same {
					continue
				}
				if known[reason]++; reason != "" {
					continue
				}
				in, _ := Decode(list[i], Mode(mode))
				if shown[in.Row]++; shown[in.Row] <= 2 {
					t.Errorf("% x: %s (%s %s): got %d bytes %q, objdump %d bytes %q", list[i], in.Row.Encoding(), in.Row.Name(), in.Row.Operands(), in.Len, ours, theirs.length, plain(theirs.text))
				}
			}
			t.Log(len(list), "samples")
			logCounts(t, known)
		})
	}
}

func logCounts(t *testing.T, counts map[string]int) {
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d %s", counts[k], k)
	}
}

// TestProgramsAgainstObjdump compares the code of real programs: by default 100 KB of
// each, with C2W_X86_PROGRAMS all of it.
func TestProgramsAgainstObjdump(t *testing.T) {
	goCommand, _ := exec.LookPath("go")
	if path, err := filepath.EvalSymlinks(goCommand); err == nil {
		goCommand = path
	}
	programs := []string{"/bin/bash", "/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libm.so.6", "/usr/bin/python3", goCommand}
	for _, name := range programs {
		t.Run(filepath.Base(name), func(t *testing.T) {
			f, err := elf.Open(name)
			if err != nil {
				t.Skip(err)
			}
			defer f.Close()
			text := f.Section(".text")
			if f.Machine != elf.EM_X86_64 || text == nil {
				t.Skip("not a program for x86-64")
			}
			code, err := text.Data()
			if err != nil {
				t.Fatal(err)
			}
			if os.Getenv("C2W_X86_PROGRAMS") == "" {
				code = code[:min(len(code), 100_000)]
			}
			end := text.Addr + uint64(len(code))
			args := []string{"-d", "-j", ".text", fmt.Sprintf("--stop-address=%#x", end), name}
			n, bad, known := 0, 0, map[string]int{}
			objdump(t, Mode64, args, func(addr uint64, l line) {
				at := code[addr-text.Addr:]
				if len(at) < MaxLen {
					return // cut off by the end
				}
				n++
				ours, same, reason := compare(at, addr, Mode64, l)
				if same {
					return
				}
				if known[reason]++; reason == "" {
					if bad++; bad <= 20 {
						t.Errorf("%#x: % x: got %q, objdump %d bytes %q", addr, at[:min(15, len(at))], ours, l.length, plain(l.text))
					}
				}
			})
			t.Log(n, "instructions")
			logCounts(t, known)
		})
	}
}

// TestRandomAgainstObjdump compares random bytes; C2W_X86_RANDOM is how many in
// thousands.
func TestRandomAgainstObjdump(t *testing.T) {
	n := 10
	if s := os.Getenv("C2W_X86_RANDOM"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	for mode, name := range []string{"64", "32"} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(mode), uint64(n)))
			list := make([][]byte, 1000*n)
			for i := range list {
				list[i] = randomCode(rng)
			}
			both, bad, known := 0, 0, map[string]int{}
			for i, l := range objdumpSamples(t, Mode(mode), list) {
				in, ok := Decode(list[i], Mode(mode))
				valid := !strings.Contains(l.text, "(bad)") && !bare.MatchString(plain(l.text))
				if ok && !in.Undefined() && valid {
					both++
				}
				ours, same, reason := compare(list[i], uint64(slot*i), Mode(mode), l)
				if same {
					continue
				}
				if known[reason]++; reason == "" {
					if bad++; bad <= 40 {
						t.Errorf("% x: %s %s: got %d bytes %q, objdump %d bytes %q", list[i], in.Row.Encoding(), in.Row.Operands(), in.Len, ours, l.length, plain(l.text))
					}
				}
			}
			t.Log(len(list), "samples, valid to both", both)
			logCounts(t, known)
		})
	}
}

// randomCode is 15 random bytes, after as many prefixes and escapes as make most of
// them instructions.
func randomCode(rng *rand.Rand) []byte {
	code := make([]byte, 0, 32)
	for rng.IntN(3) == 0 {
		code = append(code, "\x66\x67\xf0\xf2\xf3\x2e\x3e\x64\x65\x48\x41\x4f"[rng.IntN(12)])
	}
	switch rng.IntN(6) {
	case 0:
		code = append(code, 0x0f)
	case 1:
		code = append(code, 0x0f, "\x38\x3a"[rng.IntN(2)])
	case 2:
		code = append(code, 0xc5, byte(rng.Uint32()))
	case 3:
		code = append(code, 0xc4, 0xe1+byte(rng.IntN(3)), byte(rng.Uint32()))
	}
	for len(code) < MaxLen {
		code = append(code, byte(rng.Uint32()))
	}
	return code[:MaxLen]
}
