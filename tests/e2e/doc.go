// Package e2e tests what a user gets: images converted by the c2w command of
// this tree, and the files run as they are by wasmtime, wazero, Node and c2w
// run, one table of cases for all of them.
//
// Without C2W_SLOW the tests only greet on each engine. An engine that is not
// installed is named in the output; where CI is set, its absence is a failure.
// C2W_DEBIAN names the directory of the Debian image, which is made there if it
// is not yet; without it the image is made in a temporary one.
//
// The package knows c2w by its command line alone.
package e2e
