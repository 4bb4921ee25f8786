package hostcpu

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// The child is a static program of some hundred instructions. It maps the
// address space of state.go out of memory that it shares with its parent,
// installs one handler for every signal that an exception can raise, on a stack
// of its own, gives up all system calls but those that it makes itself, and
// executes INT3. From there on it lives in the handler: a signal's frame
// is the state that a sequence left, and what is written into the frame is the
// state that the next one starts from. One signal a case, and no other system
// call than the return from it.
//
// Under ptrace the same program is stopped by that INT3, and its handler is
// never entered.

// Addresses in the child, high so that wild pointers hardly find them. Nothing
// here is part of a case's address space.
const (
	programBase = 0x5c00_0000_0000
	shareBase   = 0x5c00_1000_0000
)

// Offsets in the memory that parent and child share.
const (
	shareCode = 0x1000               // the code pages, writable here
	shareMem  = shareCode + CodeSize // data pages, then stack page
	shareAlt  = 0x10000              // the handler's stack
	shareIn   = 0x20000              // input records
	shareOut  = 0x420000             // output records
	shareSize = 0xc00000
	memSize   = DataSize + StackSize
	memLines  = memSize / LineSize
	inRoom    = shareOut - shareIn
)

// Control page: 8 bytes each, until structures that the boot code hands to the
// kernel.
const (
	ctlIn      = 0  // where the next input record is
	ctlOut     = 8  // where the next output record goes
	ctlOutEnd  = 16 // how far ctlOut may have come for one more case to be begun
	ctlLeft    = 24 // cases not begun
	ctlRunning = 32 // 1 between a case's begin and its end
	ctlSeq     = 40 // cases begun since the start of the process
	ctlTick    = 48 // ctlSeq at the last tick of the timer
	ctlFlags   = 56 // flag*
	ctlCodeAt  = 64 // where the running case's code is, to be erased
	ctlCodeLen = 72
	ctlByte    = 80 // what goes through the pipes
	ctlDone    = 88 // cases ended in this batch; before: errno of a failed boot step
	ctlTimer   = 96 // struct itimerval
	ctlScratch = 128
	ctlStack   = 160 // stack_t
	ctlAction  = 192 // struct sigaction as the kernel has it
	ctlProg    = 224 // struct sock_fprog
	ctlFilter  = 240 // its instructions

	flagBases = 1 // FS and GS base by instruction
	flagYMM   = 2
)

// An input record. Code of recInCodeLen bytes follows, padded to 8, then lines:
// an address in the child and LineSize bytes.
const (
	recInRegs    = 0   // 18 words in the order of struct sigcontext
	recInBases   = 144 // FS, GS
	recInFX      = 160 // FXSAVE's first 416 bytes
	recInYMM     = 576 // upper halves
	recInCodeAt  = 832
	recInCodeLen = 840
	recInLines   = 848
	recInCS      = 856
	recInSize    = 864
)

// An output record. Lines follow, as above.
const (
	recOutRegs  = 0 // 23 words of struct sigcontext
	recOutBases = 184
	recOutSig   = 200 // signal, si_code, si_addr
	recOutFX    = 224
	recOutYMM   = 640
	recOutLines = 896
	recOutSize  = 904

	fxSize  = 416
	ymmSize = 256
)

// struct ucontext and struct sigcontext of x86-64, and the XSAVE image.
const (
	ucRegs    = 40
	ucFlags   = 176
	ucCS      = 184
	ucFP      = 224
	regErr    = 19 // word in struct sigcontext
	regTrapNo = 20
	regCR2    = 22

	xsaveMagicAt = 464 // FP_XSTATE_MAGIC1, in bytes that software may use
	xsaveMagic   = 0x46505853
	xsaveBV      = 512
	xsaveYMM     = 576
	xsaveYMMBit  = 4

	// Codes of arch_prctl.
	archSetGS = 0x1001
	archSetFS = 0x1002
	archGetFS = 0x1003
	archGetGS = 0x1004
)

// sigRegs is the order of general registers in struct sigcontext.
var sigRegs = [16]int{8, 9, 10, 11, 12, 13, 14, 15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP}

const (
	sigRIP   = 16
	sigFlags = 17
)

// mappings are made in this order. A file offset of -1 is a page that cannot be
// accessed.
var mappings = []struct {
	addr, size uint64
	prot       uint64
	offset     int64
}{
	{shareBase, shareSize, unix.PROT_READ | unix.PROT_WRITE, 0},
	{CodeBase - PageSize, PageSize, unix.PROT_NONE, -1},
	{CodeBase, CodeSize, unix.PROT_READ | unix.PROT_EXEC, shareCode},
	{CodeBase + CodeSize, PageSize, unix.PROT_NONE, -1},
	{DataBase - PageSize, PageSize, unix.PROT_NONE, -1},
	{DataBase, 2 * PageSize, unix.PROT_READ | unix.PROT_WRITE, shareMem},
	{ReadOnlyBase, PageSize, unix.PROT_READ, shareMem + 2*PageSize},
	{DataBase + DataSize, PageSize, unix.PROT_NONE, -1},
	{StackBase - PageSize, PageSize, unix.PROT_NONE, -1},
	{StackBase, StackSize, unix.PROT_READ | unix.PROT_WRITE, shareMem + DataSize},
	{StackBase + StackSize, PageSize, unix.PROT_NONE, -1},
}

// File descriptors of the child.
const (
	fdGo    = 0
	fdDone  = 1
	fdShare = 3
)

// Signals that the handler takes.
var handled = []unix.Signal{unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGSYS, unix.SIGVTALRM}

// Boot steps by exit status, for messages; those before are mappings.
const (
	bootStack = 1 + iota
	bootAction
	bootPrivs
	bootFilter
	bootTimer
	bootMap = 32 // + index
)

var bootSteps = map[int]string{bootStack: "sigaltstack", bootAction: "rt_sigaction", bootPrivs: "prctl(PR_SET_NO_NEW_PRIVS)",
	bootFilter: "installing a system call filter", bootTimer: "setitimer"}

// program is the child's code, with the addresses of its labels.
func program() ([]byte, map[string]int) {
	a := &asm{}
	a.boot()
	a.handler()
	return a.link(), a.labels
}

func (a *asm) boot() {
	for i, m := range mappings {
		a.set(RDI, m.addr)
		a.set(RSI, m.size)
		a.set(RDX, m.prot)
		a.set(r10, unix.MAP_FIXED|unix.MAP_SHARED)
		a.set(r8, fdShare)
		a.set(r9, uint64(m.offset))
		if m.offset < 0 {
			a.set(r10, unix.MAP_FIXED|unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
			a.set(r8, ^uint64(0))
			a.set(r9, 0)
		}
		a.call(unix.SYS_MMAP)
		a.cmp(RAX, RDI)
		a.set(RDI, uint64(bootMap+i)) // leaves the flags alone
		a.jcc(ccNZ, "exit")
	}
	a.set(r15, shareBase)
	try := func(step uint64, number uint32, args ...uint64) {
		for i, v := range args {
			a.set([]int{RDI, RSI, RDX, r10, r8}[i], v)
		}
		a.call(number)
		a.store(r15, ctlDone, RAX)
		a.set(RDI, step)
		a.test(RAX, RAX)
		a.jcc(ccNZ, "exit")
	}
	try(bootStack, unix.SYS_SIGALTSTACK, shareBase+ctlStack, 0)
	for _, s := range handled {
		try(bootAction, unix.SYS_RT_SIGACTION, uint64(s), shareBase+ctlAction, 0, 8)
	}
	try(bootPrivs, unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	try(bootFilter, unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, shareBase+ctlProg, 0, 0)
	try(bootTimer, unix.SYS_SETITIMER, unix.ITIMER_VIRTUAL, shareBase+ctlTimer, 0)
	a.label("ready")
	a.b(0xcc)

	a.label("exit") // with the status in RDI
	a.call(unix.SYS_EXIT_GROUP)

	// For a traced child: flags that PTRACE_SETREGS does not set are on the
	// stack.
	a.label("flags")
	a.b(0x9d, 0xcc) // popfq; int3
}

// handler keeps the frame's ucontext in RBP, the siginfo in RBX, the control
// page in r15, the next output record in r14, the frame's XSAVE image in r13.
func (a *asm) handler() {
	a.label("handler")
	a.mov(RBP, RDX)
	a.mov(RBX, RSI)
	a.b(0x9c)                                // pushfq: the kernel leaves AC, NT and ID as they were
	a.b(0x81, 0x24, 0x24)                    // and dword [rsp],
	a.imm32(^uint32(AC|NT|ID) & 0xffff_ffff) //
	a.b(0x9d)                                // popfq
	a.set(r15, shareBase)
	a.load(r14, r15, ctlOut)

	// The timer: a case that it finds twice has had its time.
	a.arith(opCmp, RDI, int32(unix.SIGVTALRM))
	a.jcc(ccNZ, "stopped")
	a.load(RAX, r15, ctlSeq)
	a.cmpMem(RAX, r15, ctlTick)
	a.store(r15, ctlTick, RAX)
	a.jcc(ccNZ, "return")

	a.label("stopped")
	a.testMem(r15, ctlRunning, 1)
	a.jcc(ccZ, "idle")
	a.save()
	a.addMem(r15, ctlDone, 1)
	a.setMem(r15, ctlRunning, 0)

	a.label("next")
	a.load(RCX, r15, ctlLeft)
	a.test(RCX, RCX)
	a.jcc(ccZ, "idle")
	a.cmpMem(r14, r15, ctlOutEnd)
	a.jcc(ccA, "idle")
	a.addMem(r15, ctlLeft, -1)
	a.restore()
	a.addMem(r15, ctlSeq, 1)
	a.setMem(r15, ctlRunning, 1)

	a.label("return")
	a.load(RAX, RBP, ucFlags)
	a.arith(opAnd, RAX, NT|ID)     // sigreturn takes these from the flags at its call
	a.b(0x9c)                      // pushfq
	a.b(0x48, 0x09, 0x04, 0x24)    // or [rsp], rax
	a.b(0x9d)                      // popfq
	a.b(0x48, 0x8d, 0x64, 0x24, 8) // lea rsp, [rsp+8]: off the return address, without changing flags
	a.call(unix.SYS_RT_SIGRETURN)

	a.label("idle")
	for _, io := range []struct{ number, fd uint64 }{{unix.SYS_WRITE, fdDone}, {unix.SYS_READ, fdGo}} {
		a.set(RDI, io.fd)
		a.lea(RSI, r15, ctlByte)
		a.set(RDX, 1)
		a.call(uint32(io.number))
	}
	a.arith(opCmp, RAX, 1)
	a.set(RDI, 0)
	a.jcc(ccNZ, "exit")
	a.load(r14, r15, ctlOut)
	a.jmp("next")
}

// save writes an output record out of the frame, and makes code and memory what
// they are between cases.
func (a *asm) save() {
	a.mov(RDI, r14)
	a.lea(RSI, RBP, ucRegs)
	a.copyWords(23)
	a.load(r13, RBP, ucFP)

	a.testMem(r15, ctlFlags, flagBases)
	a.jcc(ccZ, "ask bases")
	a.b(0xf3, 0x48, 0x0f, 0xae, 0xc0) // rdfsbase rax
	a.store(r14, recOutBases, RAX)
	a.b(0xf3, 0x48, 0x0f, 0xae, 0xc8) // rdgsbase rax
	a.store(r14, recOutBases+8, RAX)
	a.jmp("have bases")
	a.label("ask bases")
	for i, code := range []uint64{archGetFS, archGetGS} {
		a.set(RDI, code)
		a.lea(RSI, r14, recOutBases+8*int32(i))
		a.call(unix.SYS_ARCH_PRCTL)
	}
	a.label("have bases")

	a.loadSigned32(RAX, RBX, 0)
	a.store(r14, recOutSig, RAX)
	a.loadSigned32(RAX, RBX, 8)
	a.store(r14, recOutSig+8, RAX)
	a.load(RAX, RBX, 16)
	a.store(r14, recOutSig+16, RAX)

	a.mov(RSI, r13)
	a.lea(RDI, r14, recOutFX)
	a.copyWords(fxSize / 8)
	a.testMem(r15, ctlFlags, flagYMM)
	a.jcc(ccZ, "saved")
	a.lea(RSI, r13, xsaveYMM)
	a.lea(RDI, r14, recOutYMM)
	a.copyWords(ymmSize / 8)
	a.label("saved")

	a.load(RDI, r15, ctlCodeAt)
	a.load(RCX, r15, ctlCodeLen)
	a.b(0xb0, 0xcc) // mov al, 0xcc
	a.b(0xf3, 0xaa) // rep stosb

	a.set(RDX, 0) // lines
	a.lea(RDI, r14, recOutSize)
	a.lea(RSI, r15, shareMem)
	a.lea(r8, r15, shareMem+memSize)
	a.sseReg(0xef, 7, 7) // pxor
	a.label("scan")
	for x := range 4 {
		a.sseMem(0x66, 0x6f, x, RSI, byte(16*x)) // movdqa x, [rsi+]
	}
	a.sseReg(0x6f, 4, 0) // movdqa
	for x := 1; x < 4; x++ {
		a.sseReg(0xeb, 4, x) // por
	}
	a.sseReg(0x74, 4, 7)        // pcmpeqb
	a.b(0x66, 0x0f, 0xd7, 0xc4) // pmovmskb eax, xmm4
	a.arith(opCmp, RAX, 0xffff)
	a.jcc(ccZ, "zero")
	a.store(RDI, 0, RSI)
	for x := range 4 {
		a.sseMem(0xf3, 0x7f, x, RDI, byte(8+16*x)) // movdqu [rdi+], x
		a.sseMem(0x66, 0x7f, 7, RSI, byte(16*x))   // movdqa [rsi+], 0
	}
	a.arith(opAdd, RDI, 8+LineSize)
	a.arith(opAdd, RDX, 1)
	a.label("zero")
	a.arith(opAdd, RSI, LineSize)
	a.cmp(RSI, r8)
	a.jcc(ccNZ, "scan")
	a.store(r14, recOutLines, RDX)
	a.store(r15, ctlOut, RDI)
	a.mov(r14, RDI)
}

// restore reads an input record, which r12 points to, into the frame and into
// code and memory.
func (a *asm) restore() {
	a.b(0xb8) // mov eax,
	a.imm32(userDS)
	a.b(0x8e, 0xd8) // mov ds, eax
	a.b(0x8e, 0xc0) // mov es, eax
	a.load(r12, r15, ctlIn)
	a.mov(RSI, r12)
	a.lea(RDI, RBP, ucRegs)
	a.copyWords(18)
	a.load(RCX, r12, recInCS)
	a.b(0x66, 0x89, 0x8d) // mov [rbp+], cx
	a.imm32(ucCS)

	a.testMem(r15, ctlFlags, flagBases)
	a.jcc(ccZ, "tell bases")
	a.load(RAX, r12, recInBases)
	a.b(0xf3, 0x48, 0x0f, 0xae, 0xd0) // wrfsbase rax
	a.load(RAX, r12, recInBases+8)
	a.b(0xf3, 0x48, 0x0f, 0xae, 0xd8) // wrgsbase rax
	a.jmp("told bases")
	a.label("tell bases")
	for i, code := range []uint64{archSetFS, archSetGS} {
		a.set(RDI, code)
		a.load(RSI, r12, recInBases+8*int32(i))
		a.call(unix.SYS_ARCH_PRCTL)
	}
	a.label("told bases")

	a.load(r13, RBP, ucFP)
	a.lea(RSI, r12, recInFX)
	a.mov(RDI, r13)
	a.copyWords(fxSize / 8)
	a.b(0x41, 0x81, 0xbd) // cmp dword [r13+], imm32
	a.imm32(xsaveMagicAt)
	a.imm32(xsaveMagic)
	a.jcc(ccNZ, "loaded")
	a.load(RAX, r13, xsaveBV)
	a.arith(opOr, RAX, 3)
	a.testMem(r15, ctlFlags, flagYMM)
	a.jcc(ccZ, "no ymm")
	a.arith(opOr, RAX, xsaveYMMBit)
	a.lea(RSI, r12, recInYMM)
	a.lea(RDI, r13, xsaveYMM)
	a.copyWords(ymmSize / 8)
	a.label("no ymm")
	a.store(r13, xsaveBV, RAX)
	a.label("loaded")

	a.load(RDI, r12, recInCodeAt)
	a.load(RCX, r12, recInCodeLen)
	a.store(r15, ctlCodeAt, RDI)
	a.store(r15, ctlCodeLen, RCX)
	a.lea(RSI, r12, recInSize)
	a.b(0xf3, 0xa4) // rep movsb
	a.arith(opAdd, RSI, 7)
	a.arith(opAnd, RSI, -8)
	a.load(RDX, r12, recInLines)
	a.label("lines")
	a.test(RDX, RDX)
	a.jcc(ccZ, "lines done")
	a.load(RDI, RSI, 0)
	a.arith(opAdd, RSI, 8)
	a.copyWords(LineSize / 8)
	a.arith(opAdd, RDX, -1)
	a.jmp("lines")
	a.label("lines done")
	a.store(r15, ctlIn, RSI)
}

// elf wraps the program into an executable with one segment that is read and
// executed.
func elf(code []byte) []byte {
	const headers = 64 + 2*56
	le := binary.LittleEndian
	h := make([]byte, headers, headers+len(code))
	copy(h, "\x7fELF\x02\x01\x01")
	le.PutUint16(h[16:], 2)    // ET_EXEC
	le.PutUint16(h[18:], 0x3e) // EM_X86_64
	le.PutUint32(h[20:], 1)
	le.PutUint64(h[24:], programBase+headers)
	le.PutUint64(h[32:], 64)
	le.PutUint16(h[52:], 64)
	le.PutUint16(h[54:], 56)
	le.PutUint16(h[56:], 2)
	segment := func(p []byte, kind, flags uint32, addr, size uint64) {
		le.PutUint32(p, kind)
		le.PutUint32(p[4:], flags)
		le.PutUint64(p[16:], addr)
		le.PutUint64(p[24:], addr)
		le.PutUint64(p[32:], size)
		le.PutUint64(p[40:], size)
		le.PutUint64(p[48:], PageSize)
	}
	segment(h[64:], 1, 5, programBase, uint64(headers+len(code))) // PT_LOAD, R X
	segment(h[120:], 0x6474e551, 6, 0, 0)                         // PT_GNU_STACK, R W
	return append(h, code...)
}

func address(labels map[string]int, name string) uint64 {
	return programBase + 64 + 2*56 + uint64(labels[name])
}

// prepare fills shared memory with what the boot code and the handler expect. A
// bound of 0 is none.
func prepare(share []byte, labels map[string]int, flags uint64, bound time.Duration) {
	le := binary.LittleEndian
	word := func(at int, v uint64) { le.PutUint64(share[at:], v) }
	for i := range CodeSize {
		share[shareCode+i] = 0xcc
	}
	word(ctlFlags, flags)
	word(ctlTimer, uint64(bound/time.Second))
	word(ctlTimer+8, uint64(bound%time.Second/time.Microsecond))
	word(ctlTimer+16, uint64(bound/time.Second))
	word(ctlTimer+24, uint64(bound%time.Second/time.Microsecond))
	word(ctlStack, shareBase+shareAlt)
	word(ctlStack+16, shareIn-shareAlt)
	const siginfo, onstack, restart, restorer = 4, 0x0800_0000, 0x1000_0000, 0x0400_0000
	word(ctlAction, address(labels, "handler"))
	word(ctlAction+8, siginfo|onstack|restart|restorer)
	word(ctlAction+16, address(labels, "exit")) // never returned to
	word(ctlAction+24, ^uint64(0))              // a fault in the handler is the end
	// System calls are allowed to instructions in the program's page.
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 12},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: programBase >> 32, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 8},
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: programBase&0xffff_ffff + PageSize, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_TRAP},
	}
	word(ctlProg, uint64(len(filter)))
	word(ctlProg+8, shareBase+ctlFilter)
	for i, f := range filter {
		le.PutUint16(share[ctlFilter+8*i:], f.Code)
		share[ctlFilter+8*i+2], share[ctlFilter+8*i+3] = f.Jt, f.Jf
		le.PutUint32(share[ctlFilter+8*i+4:], f.K)
	}
}
