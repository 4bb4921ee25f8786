//go:build !unix

package runner

// manyDescriptors: there is no such limit.
func manyDescriptors() {}
