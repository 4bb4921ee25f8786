// Package format is the wing of what two sides share, and documents it: bytes
// that one part of c2w writes and another reads, perhaps years later, perhaps
// from somebody hostile.
//
// Package disk is the packed disk of a file, written by the converter and read in
// the machine; agent the messages between the machine and init; attach those
// between a file and whoever runs it; frame how either kind of message lies in a
// stream; marks the section that ties WebAssembly to guest instructions. In come
// values or bytes, out come bytes or values, and an error that says what is wrong
// with them: every length is checked before it is used.
//
// Everybody may ask. The wing knows neither of the sides.
package format
