# The developer's door: `make` lists the verbs. PRESET=asan (dev, tsan, fuzz …) chooses another build than release.
PRESET ?= release
BUILD := build/$(PRESET)

.PHONY: help setup build demo test bench lint format clean

help:  ## list the verbs
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 10

setup:  ## install what Eidetic is built with (Debian packages; pinned libraries into .deps)
	@tools/setup

build: setup  ## build everything into build/release (PRESET=… for another)
	@cmake --preset $(PRESET) --log-level=WARNING
	@cmake --build --preset $(PRESET)

test: build  ## build and run every test
	@ctest --test-dir $(BUILD) --output-on-failure

clean:  ## remove all builds
	rm -rf build
