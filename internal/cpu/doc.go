// Package cpu is the wing of what executes guest code, and documents it.
//
// In come a hart's instruction set (package isa and the folder of an ISA
// below it), guest RAM and the events of a machine: interrupts, time, stops. Out
// come instructions executed, and accesses to what is not RAM, which the caller
// answers. A guest instruction has one meaning, its lifter's, as IR (ir); emit
// makes WebAssembly of it, an interpreter and page functions; engine runs the
// hart, and executes in Go what generated code leaves; mem keeps RAM and the
// TLBs, softfloat is exact IEEE 754, and core is the layout that Go and generated
// code share. Package native runs generated code in this process.
//
// The machine asks to run, the converter asks for page functions, the inspectors
// for both. The wing knows no device, no file and no container, and imports
// nothing of c2w but the binary format.
package cpu
