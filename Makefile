# c2w needs nothing but Go; these are shorthands.
.DEFAULT_GOAL := help
GO ?= go

help:           ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*##/  \1\t/' | expand -t 20

run: machine    ## run the demo image with the machine as it is in this tree (ARGS='uname -a')
	C2W_MACHINE=.build/machine.wasm $(GO) run ./cmd/c2w run -- $(ARGS)

machine:        ## build the machine into .build/machine.wasm; C2W_MACHINE names it to c2w
	$(GO) run ./internal/machinewasm/make

machine-commit: ## build the machine that is embedded, to be committed
	$(GO) run ./internal/machinewasm/make -commit

check:          ## what CI checks besides the tests: formatting, vet, other platforms
	@test -z "$$(gofmt -l cmd demo guest internal tests bench)" || { gofmt -l cmd demo guest internal tests bench; exit 1; }
	$(GO) vet ./...
	GOOS=wasip1 GOARCH=wasm $(GO) vet -unsafeptr=false ./cmd/machine
	GOOS=windows GOARCH=amd64 $(GO) build -o /dev/null ./cmd/c2w
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/c2w

test:           ## all tests
	$(GO) test ./...

fuzz:           ## each fuzz target for FUZZTIME (10s)
	@grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r f; do \
		for t in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' $$f); do \
			$(GO) test -run='^$$' -fuzz="^$$t\$$" -fuzztime=$${FUZZTIME:-10s} $$(dirname $$f) || exit 1; \
		done; done

bench:          ## benchmarks against native, QEMU and other engines; see bench/README.md
	$(GO) run ./bench

.PHONY: help run machine machine-commit check test fuzz bench
