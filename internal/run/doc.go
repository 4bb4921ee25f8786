// Package run is the wing that runs files, and documents it: c2w run without the
// command line.
//
// In come a file of c2w, or any other WASI program, and the user's streams,
// directories, terminal and signals; out comes the status. Package runner starts
// the file, in the embedded engine or in another one; package client speaks the
// attach protocol with it.
//
// Only the command line asks. The wing does not know what is in a file.
package run
