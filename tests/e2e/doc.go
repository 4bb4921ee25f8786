// Package e2e tests what a user gets: images converted by the c2w command of
// this tree, and the files run as they are by wasmtime, wazero, Node, wasmi,
// wasmer and c2w run, one table of cases for all of them.
//
// Without C2W_SLOW the tests only greet on each engine. The output begins with
// the engines that are there; where CI is set, it is a failure if one that every
// computer can have is not.
// C2W_DEBIAN names the directory of the Debian image, which is made there if it
// is not yet; without it the image is made in a temporary one.
//
// The package knows c2w by its command line alone.
package e2e
