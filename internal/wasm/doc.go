// Package wasm reads, writes and assembles the WebAssembly binary format
// (core specification 2.0, chapter 5). Section numbers in comments refer to
// that document.
//
// The parts, bottom up:
//
//   - opcodes.go: the instruction table, name and immediates of every opcode.
//   - code.go: [Code], an append-only assembler for function bodies.
//   - mark.go: [Mark], which ties code to what it was made from, for listings.
//   - instr.go: [Instrs], an iterator over the instructions of a body.
//   - text.go: [Text], which prints a body.
//   - read.go: [Parse], a strict reader that does not copy code.
//   - module.go, write.go: [Module] and its deterministic encoding.
//   - section.go: the list of a file's sections, read without their contents.
//   - check.go: [CheckCore], which names the first instruction outside of
//     core 2.0 without SIMD.
//
// Package wasm/link joins a Go module with generated code.
//
// It knows the format and nothing else: no guest, no machine, no host, no file.
// Everything that Parse is given may be hostile.
package wasm
