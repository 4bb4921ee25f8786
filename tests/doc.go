// Package tests holds what tests c2w from outside: scripts of its command line
// (script/, run by cmd/c2w), vectors of instructions (isa/), recipes of images
// (images/), and converted files run on each engine (this package's tests).
package tests
