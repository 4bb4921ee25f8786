// Package emit turns intermediate representation into Wasm. It knows the layout
// of package core and no guest ISA beyond the tables of package isa.
//
// What it makes:
//
//   - a [Core]: the dispatcher between the tiers (core.go), the interpreter
//     (interp.go, a handler for each form of instruction) and the functions that
//     others call (helpers.go, fphelpers.go, fpexact.go);
//   - page functions, in passes: passes.go is their list and names what each
//     makes, translate.go is what they are made of.
//
// A handler and a block of a page function are lowered by the same code (lower.go,
// float.go). What differs is behind the interface tier: interptier.go and
// blockcode.go.
package emit
