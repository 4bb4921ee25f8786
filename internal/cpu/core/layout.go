package core

// Contract is the version of what generated code and the machine expect of each
// other beyond the numbers that Layout lists: what a field means, who keeps it,
// when. Whoever changes that raises it; code made before is refused then.
const Contract = 3

// probes are addresses by which Layout tells how TLBs and jump caches are
// indexed: bits on every side of each field.
var probes = []uint64{0, 1, 2, 3, 0xffe, 0x1000, 0x1002, 0x1_2345_6789_abcd, 0xffff_ffc0_8123_4567, ^uint64(0)}

// Layout lists everything of this package that generated code has built in, so
// that two versions can be told apart. It is the same on every platform.
func Layout() []uint32 {
	list := []uint32{
		Contract,
		PageShift, Modes, CodeModes, StateSize, CachesSize,
		TLBBase, ModeTLB, ReadTLB, WriteTLB, TLBEntries, TLBWays, TLBOther, TLBEntrySize, TLBAddend, TLBTag,
		LinkBase, LinkSlots, LinkValid, JumpBase, JumpWays, JumpEntries, JumpEntrySize, JumpRecord, JumpTarget, JumpTag,
		RecordSize, RecA, RecB, RecC, RecPC, RecImm, RecOrig, RecOp,
		TargetEntries, Target(1, 0), Target(0, 1),
		KindSize, KindWrite, MaxInsn, Sink,
	}
	for _, v := range []uint64{InvalidTag, NoResv} {
		list = append(list, uint32(v), uint32(v>>32))
	}
	list = append(list, stateOffsets()...)
	for mode := range uint32(Modes) {
		list = append(list, CodeMode(mode))
	}
	for _, va := range probes {
		list = append(list, uint32(TLBIndex(va)), uint32(JumpIndex(va)))
	}
	for e := range Exit(NumExits) { // by name: numbers may change places
		list = append(list, uint32(e))
		for _, c := range []byte(e.String()) {
			list = append(list, uint32(c))
		}
	}
	return list
}

// stateOffsets are those of all fields of State, in their order.
func stateOffsets() []uint32 {
	var list []uint32
	for _, off := range []int{
		OffPC, OffBudget, OffExit, OffExitAddr, OffExitKind, OffMode, OffIRQ, OffFPOn, OffFPRound, OffFPExact,
		OffFRM, OffFFlags, OffResv, OffRetired, OffInterpreted, OffPageCalls, OffInterpCalls, OffG, OffF, OffS, OffV,
	} {
		list = append(list, uint32(off))
	}
	return list
}
