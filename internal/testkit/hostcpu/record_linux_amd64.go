package hostcpu

import (
	"encoding/binary"
)

const (
	// Linux's selectors of 64-bit code, 32-bit code and data.
	userCS   = 0x33
	compatCS = 0x23
	userDS   = 0x2b
)

var le = binary.LittleEndian

// putRecord appends a case's input record. The case is valid.
func putRecord(b []byte, c *Case) []byte {
	s := &c.Start
	at := len(b)
	b = append(b, make([]byte, recInSize)...)
	r := b[at:]
	for i, g := range sigRegs {
		le.PutUint64(r[recInRegs+8*i:], s.G[g])
	}
	le.PutUint64(r[recInRegs+8*sigRIP:], s.RIP)
	le.PutUint64(r[recInRegs+8*sigFlags:], s.Flags)
	le.PutUint64(r[recInBases:], s.FSBase)
	le.PutUint64(r[recInBases+8:], s.GSBase)
	putFX(r[recInFX:], s)
	putYMM(r[recInYMM:], s)
	le.PutUint64(r[recInCodeAt:], shareBase+shareCode+s.RIP-CodeBase)
	le.PutUint64(r[recInCodeLen:], uint64(len(c.Code)))
	le.PutUint64(r[recInLines:], uint64(len(s.Mem)))
	le.PutUint64(r[recInCS:], userCS)
	if c.Compat {
		le.PutUint64(r[recInCS:], compatCS)
	}
	b = append(b, c.Code...)
	b = append(b, make([]byte, -len(c.Code)&7)...)
	for i := range s.Mem {
		b = le.AppendUint64(b, shareBase+shareMem+memOffset(s.Mem[i].Addr))
		b = append(b, s.Mem[i].Data[:]...)
	}
	return b
}

// recordSize is what putRecord appends at most.
func recordSize(c *Case) int {
	return recInSize + len(c.Code) + 8 + len(c.Start.Mem)*(8+LineSize)
}

// memOffset is where memory of a state lies in what scan looks through.
func memOffset(addr uint64) uint64 {
	if addr >= StackBase {
		return addr - StackBase + DataSize
	}
	return addr - DataBase
}

func memAddress(offset uint64) uint64 {
	if offset >= DataSize {
		return offset - DataSize + StackBase
	}
	return offset + DataBase
}

// putFX writes x87 and SSE state as FXSAVE does.
func putFX(p []byte, s *State) {
	le.PutUint16(p[0:], s.FCW)
	le.PutUint16(p[2:], s.FSW)
	p[4] = s.FTW
	le.PutUint32(p[24:], s.MXCSR)
	for i, r := range s.ST {
		le.PutUint64(p[32+16*i:], r.Mantissa)
		le.PutUint16(p[40+16*i:], r.SignExp)
	}
	for i := range s.YMM {
		le.PutUint64(p[160+16*i:], s.YMM[i][0])
		le.PutUint64(p[168+16*i:], s.YMM[i][1])
	}
}

func getFX(p []byte, s *State) {
	s.FCW = le.Uint16(p[0:])
	s.FSW = le.Uint16(p[2:])
	s.FTW = p[4]
	s.MXCSR = le.Uint32(p[24:])
	for i := range s.ST {
		s.ST[i] = X87{le.Uint64(p[32+16*i:]), le.Uint16(p[40+16*i:])}
	}
	for i := range s.YMM {
		s.YMM[i][0] = le.Uint64(p[160+16*i:])
		s.YMM[i][1] = le.Uint64(p[168+16*i:])
	}
}

// putYMM writes the upper halves as XSAVE does.
func putYMM(p []byte, s *State) {
	for i := range s.YMM {
		le.PutUint64(p[16*i:], s.YMM[i][2])
		le.PutUint64(p[16*i+8:], s.YMM[i][3])
	}
}

func getYMM(p []byte, s *State) {
	for i := range s.YMM {
		s.YMM[i][2] = le.Uint64(p[16*i:])
		s.YMM[i][3] = le.Uint64(p[16*i+8:])
	}
}

// getRecord reads an output record of a case into r and returns what follows.
func getRecord(p []byte, c *Case, r *Result) []byte {
	regs := p[recOutRegs:]
	word := func(i int) uint64 { return le.Uint64(regs[8*i:]) }
	for i, g := range sigRegs {
		r.G[g] = word(i)
	}
	r.RIP, r.Flags = word(sigRIP), word(sigFlags)
	r.FSBase, r.GSBase = le.Uint64(p[recOutBases:]), le.Uint64(p[recOutBases+8:])
	getFX(p[recOutFX:], &r.State)
	getYMM(p[recOutYMM:], &r.State)
	lines := int(le.Uint64(p[recOutLines:]))
	p, sig := p[recOutSize:], p[recOutSig:]
	r.Mem = nil
	if lines > 0 {
		r.Mem = make([]Line, lines)
	}
	for i := range r.Mem {
		r.Mem[i].Addr = memAddress(le.Uint64(p) - shareBase - shareMem)
		copy(r.Mem[i].Data[:], p[8:])
		p = p[8+LineSize:]
	}
	r.Stop = Stop{Signal: int(le.Uint64(sig)), Code: int(le.Uint64(sig[8:])), SigAddr: le.Uint64(sig[16:])}
	r.Stop.classify(c, &r.State)
	if r.Stop.Reason == Faulted {
		r.Stop.Vector = int(word(regTrapNo))
		r.Stop.Err = int(word(regErr))
		switch r.Stop.Vector {
		case vecPF:
			r.Stop.Addr = word(regCR2)
		case vecDF, vecTS, vecNP, vecSS, vecGP, vecAC:
		default:
			r.Stop.Err = 0 // Linux tells the last one
		}
	}
	return p
}

const (
	vecDE = 0
	vecDB = 1
	vecBP = 3
	vecUD = 6
	vecDF = 8
	vecTS = 10
	vecNP = 11
	vecSS = 12
	vecGP = 13
	vecPF = 14
	vecAC = 17
)

// Signals and their codes, of which the two that the kernel sends on exceptions
// without a code of their own are one number.
const (
	sigILL, sigTRAP, sigBUS, sigFPE, sigSEGV, sigVTALRM, sigSYS = 4, 5, 7, 8, 11, 26, 31

	codeKernel = 0x80
	segvMapErr = 1
	segvAccErr = 2
	busAdrAln  = 1
	fpeIntDiv  = 1
	trapTrace  = 2
)

// classify derives a stop's reason, and the exception as far as it follows,
// from the signal. It moves RIP back to a sequence's end.
func (t *Stop) classify(c *Case, s *State) {
	t.Reason, t.Vector, t.Err, t.Addr = Faulted, Unknown, Unknown, 0
	set := func(vector, err int) { t.Vector, t.Err = vector, err }
	switch t.Signal {
	case sigTRAP:
		set(vecDB, 0)
		if t.Code == codeKernel {
			set(vecBP, 0)
		}
		if t.Vector == vecBP && s.RIP == c.End()+1 {
			s.RIP--
			t.Reason = Ended
			t.Vector, t.Err = 0, 0
		}
	case sigSYS:
		t.Reason = Syscall
		t.Vector, t.Err = 0, 0
	case sigVTALRM:
		t.Reason = TimedOut
		t.Vector, t.Err = 0, 0
	case sigILL:
		set(vecUD, 0)
	case sigBUS:
		switch t.Code {
		case busAdrAln:
			set(vecAC, 0)
		case codeKernel:
			set(vecSS, 0)
		}
	case sigFPE:
		if t.Code == fpeIntDiv {
			set(vecDE, 0)
		}
	case sigSEGV:
		switch t.Code {
		case segvMapErr, segvAccErr:
			set(vecPF, Unknown)
			t.Addr = t.SigAddr
		case codeKernel:
			set(vecGP, Unknown)
		}
	}
	if t.Reason != Faulted {
		t.Signal, t.Code, t.SigAddr = 0, 0, 0
	}
}
