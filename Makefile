# What can be done here: `make help`. Debian packages that are missing are installed first (scripts/install-dependencies).

SWIFT ?= swift
RELEASE := .build/release/sluice
DEBUG := .build/debug/sluice

.DEFAULT_GOAL := help
.PHONY: help run drill release test check-commands check-grpc-swift lint bench bench-load bench-allocations bench-limits \
  bench-shared-limits bench-limit-variants bench-tokens bench-svids compare docs clean dependencies

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

dependencies:
	@scripts/install-dependencies

release: dependencies ## Build the command for release: .build/release/sluice
	$(SWIFT) build -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked --product sluice

run: release ## Build, start the bookstore behind the gateway and stay until Ctrl-C (ONCE=1 ends by itself)
	@ONCE="$(ONCE)" SLUICE="$(RELEASE)" Examples/bookstore/run

drill: release ## Flood the bookstore's search, take its database away and give it back; asserts each step
	@SLUICE="$(RELEASE)" Examples/bookstore/drill

test: dependencies ## Build and run every test (Go toolchains for the diagnostics are fetched; without them those tests skip)
	@scripts/go-toolchains || echo "Go toolchains are not all here: tests that need them say so and skip"
	$(SWIFT) build --build-tests
	@SWIFT="$(SWIFT)" scripts/test
	@$(MAKE) --no-print-directory check-commands

check-commands: ## Check whoami, load, dev-cert, Go incidents and endpoints, check, gRPC, policies, SPIFFE, bookstore, the examples and the drill with real clients (after a debug build)
	scripts/check-whoami $(DEBUG)
	scripts/check-load $(DEBUG)
	scripts/check-dev-cert $(DEBUG)
	scripts/check-go $(DEBUG)
	scripts/check-go-endpoints $(DEBUG)
	scripts/check-check $(DEBUG)
	scripts/check-grpc $(DEBUG)
	scripts/check-policy $(DEBUG)
	scripts/check-spiffe $(DEBUG)
	scripts/check-bookstore $(DEBUG)
	scripts/check-bookstore-abuse $(DEBUG)
	ONCE=1 SLUICE=$(DEBUG) Examples/quick-start/run
	ONCE=1 SLUICE=$(DEBUG) Examples/bookstore/run
	SLUICE=$(DEBUG) Examples/spiffe/run
	SLUICE=$(DEBUG) Examples/bookstore/drill
	Benchmarks/Limits/shared.py --sluice $(DEBUG) --seconds 3 --tolerance 3

check-grpc-swift: ## Check gRPC with a server and a client on grpc-swift (builds them first: some minutes; after a debug build)
	scripts/check-grpc-swift $(DEBUG)

lint: ## Check the rules of style that a program can check
	scripts/lint
	scripts/check-findings

bench: release ## Compare with HAProxy, nginx, Envoy and Go: BENCH="--only sluice,haproxy --seconds 3"
	Benchmarks/Compare/compare.py --install $(BENCH)

compare: release ## Compare gateways over connections, also in Go, Java, Python: COMPARE="--html page.html --seconds 3"
	Benchmarks/Compare/gateways.py --install $(COMPARE)

bench-load: release ## Compare the load generator with wrk; fails under 0.6 of its rate
	@scripts/install-bench-peers
	Benchmarks/Compare/generator.py $(BENCH)

bench-allocations: release ## Allocations a proxied request; fails over 6 (BENCH=--stacks shows where)
	Benchmarks/Allocations/allocations.py $(BENCH)

bench-limits: ## Cost of a decision of a local rate limit and of a circuit breaker; fails over 150 and 100 ns
	$(SWIFT) run -c release --package-path Benchmarks/Limits limit-decisions
	$(SWIFT) run -c release --package-path Benchmarks/Limits breaker-decisions

bench-shared-limits: release ## Two gateways share a limit through Redis; fails outside 99 to 101 %
	Benchmarks/Limits/shared.py $(BENCH)

bench-limit-variants: ## Ways to share a limit through Redis, measured
	Benchmarks/Limits/variants.py $(BENCH)
bench-tokens: ## Cost of a token, first and remembered; fails over 1.3 times a bare verification, or 1 us
	$(SWIFT) run -c release --package-path Benchmarks/Tokens token-checks

bench-svids: release ## X.509-SVIDs that one core issues, and checks, in a second
	$(RELEASE) dev-spire --benchmark 6

docs: dependencies ## Build the API documentation into .build/docs
	scripts/build-docs

clean: ## Remove what builds made
	$(SWIFT) package clean
	rm -rf .build/bench .build/docs
