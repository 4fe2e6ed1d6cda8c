# SPDX-License-Identifier: Apache-2.0
#
# The front door. `make` alone lists what there is; the work is done by the
# scripts in tools/, which can be called by themselves.
SHELL = /bin/sh
.DEFAULT_GOAL = help
MAKEFLAGS += --no-print-directory
PREFIX = /usr/local
SECONDS = 240

# Runs a part of the project, or says that this version does not have it.
part = @if [ -x $(1) ]; then exec $(1) $(2); \
	else echo "make $@: this version has no $(1) yet" >&2; exit 3; fi

.PHONY: help demo quick test check soak size bench fuzz conformance \
	run-board install deps build format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' \
		Makefile

demo: deps ## set up, then update an emulated board before your eyes (5 min)
	$(call part,demo/run)

quick: ## build and fast tests (under 1 min)
	@tools/check quick

test: ## set up, then all deterministic tests with sanitizers (10 min)
	@tools/check test

check: ## test, second compiler, board, searches, fuzzing, size (25 min)
	@tools/check check

soak: ## the unbounded tests: deep searches, large fleets (hours)
	@tools/check soak

size: deps ## code, data and stack per module on a Cortex-M3, and budgets
	@tools/build board >build-board.log 2>&1 || { cat build-board.log; exit 1; }
	@rm -f build-board.log
	@tools/size

bench: build ## measure side by side with peers
	$(call part,bench/run)

fuzz: deps ## fuzz every target; SECONDS=240 in total, TARGETS=... to choose
	@tools/fuzz --seconds $(SECONDS) $(TARGETS)

conformance: ## run our own vectors, and published ones: VECTORS=DIR
	@test/conformance/run --check "$(VECTORS)"
	@$(MAKE) build
	$(call part,test/conformance/run,"$(VECTORS)")

run-board: deps ## start the emulated board with its serial port here
	$(call part,tools/run-board)

install: build ## install the programs: PREFIX=/usr/local, DESTDIR=
	@cmake --install build --prefix "$(PREFIX)"

deps: ## install what is needed (root or sudo), build what is not packaged
	@tools/deps

build: deps ## build the programs into build/bin
	@tools/build default

format: ## lay out our C files as .clang-format says
	@tools/format

clean: ## remove what was built, except .deps
	@rm -rf build build-*
