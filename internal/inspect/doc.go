// Package inspect is the wing that looks into files, and documents it: what
// c2w inspect, c2w list and c2w run --check show.
//
// In comes a file, whoever made it. Package dissect takes it apart; listing
// prints what became of a page's instructions; lockstep runs translated code
// beside the interpreter and says where they differ first.
//
// The command line and tests ask.
package inspect
