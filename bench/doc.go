// Command bench measures c2w beside everything that runs the same programs:
//
//	go run ./bench [-rounds N] [-only NAME,…] [-json FILE]
//
// It builds a small image with the benchmark programs (folder programs),
// converts it, and runs the programs natively, under QEMU (user mode and a
// whole system) and from the converted file under wasmtime, wazero and Node,
// one engine after the other in every round, so that a slow minute of the
// machine falls on all of them. Then it measures starts: cold, with the
// engine's cache, precompiled. It prints medians, ratios to native and the
// project's targets; -json writes every sample.
//
// What is not installed is named in the output and never left out silently.
// Other parts look at real programs of a Debian image, at how much translated
// code executes and costs as its budget grows, and at the traffic of streams and
// files; -parts chooses. It knows c2w by its command line and its files only, as
// a user does: no package of the machine or the converter is imported here.
package main
