# c2w needs nothing but Go; these are shorthands.
.DEFAULT_GOAL := help
GO ?= go
# No C compiler takes part, whether there is one or not.
export CGO_ENABLED := 0
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
GUEST := ./guest/init ./guest/testdata/probe ./guest/testdata/patcher ./guest/testdata/hostile ./guest/testdata/hunt
# What differs between systems and needs little else. The whole for other systems
# is the forge's to check, on them (.github/workflows/ci.yml).
SYSTEMS := ./internal/run/... ./internal/machine/wasi ./internal/machine/hostfs/... ./internal/convert/rootfs
STATICCHECK_VERSION := v0.8.2
STATICCHECK := .build/tools/bin/staticcheck-$(STATICCHECK_VERSION)

help:           ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*##/  \1\t/' | expand -t 20

run:            ## run the demo image (ARGS='uname -a')
	$(GO) run ./cmd/c2w run -- $(ARGS)

check: lint     ## formatting, vet for every platform, staticcheck, imports, freshness of what is generated
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not formatted: $$unformatted"; exit 1; }
	for p in $(PLATFORMS); do echo "vet $$p"; GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) vet ./... || exit 1; done
	GOOS=linux GOARCH=riscv64 $(GO) vet $(GUEST)
	GOOS=wasip1 GOARCH=wasm $(GO) vet -unsafeptr=false ./cmd/machine # its memory is at fixed addresses
	$(GO) test ./tests ./internal/make/... ./guest ./guest/kernel -run 'Import|Notice|Fresh'
	$(GO) run ./tests/deadcode # what only tests use belongs to tests

lint: $(STATICCHECK) ## staticcheck, pinned: everything for this system, other systems' own files, guest and machine
	$(STATICCHECK) ./...
	for p in darwin/arm64 windows/amd64; do echo "staticcheck $$p"; GOOS=$${p%/*} GOARCH=$${p#*/} $(STATICCHECK) $(SYSTEMS) || exit 1; done
	GOOS=linux GOARCH=riscv64 $(STATICCHECK) $(GUEST)
	GOOS=wasip1 GOARCH=wasm $(STATICCHECK) -checks inherit,-U1000 ./cmd/machine # it does not know go:wasmexport

$(STATICCHECK):
	GOBIN=$(CURDIR)/.build/tools/bin GOFLAGS= $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	mv .build/tools/bin/staticcheck $@

test: check     ## everything CI runs: check, what the tests need, and each phase of tests/run
	tests/setup.sh
	$(GO) run ./tests/run

quick:          ## the quick tests alone, with what is installed
	$(GO) run ./tests/run -quick

fuzz:           ## each fuzz target for FUZZTIME (5s)
	$(GO) run ./tests/run -only fuzz -fuzztime $${FUZZTIME:-5s}

programs:       ## real programs of Debian in containers, CPython's tests beside QEMU (ARGS='-run git')
	$(GO) run ./tests/programs -qemu $(ARGS)

bench:          ## benchmarks against native, QEMU and other engines; see bench/README.md
	$(GO) run ./bench

machine:        ## build the machine into .build/machine.wasm, to look at; C2W_MACHINE names one to c2w
	$(GO) run ./internal/make/machine

sources:        ## list the machine's sources for c2w to carry, after packages have come or gone
	$(GO) run ./internal/make/sources

release:        ## c2w for every platform into .build/release, with the machine in it
	mkdir -p .build/release
	$(GO) run ./internal/make/machine -embed
	trap 'rm -f internal/convert/machinewasm/built/*.zst' EXIT; for p in $(PLATFORMS); do \
		os=$${p%/*} arch=$${p#*/}; exe=; [ "$$os" != windows ] || exe=.exe; echo "c2w-$$os-$$arch$$exe"; \
		GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -ldflags='-s -w' -o ".build/release/c2w-$$os-$$arch$$exe" ./cmd/c2w || exit 1; done

kernel:         ## build the guest's kernel from Debian's source; see guest/kernel/README.md
	guest/kernel/build.sh

init:           ## build the guest's process 1; see guest/init/README.md
	guest/init/build.sh

profile:        ## find out which pages of kernel and runc run often; see internal/make/profile
	$(GO) run ./internal/make/profile

.PHONY: help run check lint test quick fuzz programs bench machine sources release kernel init profile
