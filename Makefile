# The developer's door: `make` lists the verbs. PRESET=asan (dev, tsan, fuzz …) chooses another build than release.
PRESET ?= release
BUILD := build/$(PRESET)

.PHONY: help setup torch configure build demo test test-servers bench lint format clean

help:  ## list the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 14

setup:  ## install what Eidetic is built with (Debian packages; pinned libraries into .deps)
	@tools/setup

torch:  ## install PyTorch into .deps/torch (7 GB), for all that learns whole networks
	@tools/setup torch

configure: setup
	@cmake --preset $(PRESET) --log-level=WARNING

build: configure  ## build everything into build/release (PRESET=… for another)
	@cmake --build --preset $(PRESET)

demo: build  ## index the emoji of Debian's font, or IMAGES=folder, show a first search and, on a terminal, serve the page
	@tools/demo $(BUILD)/eidetic $(IMAGES)

test: build  ## build and run every test
	@ctest --test-dir $(BUILD) --output-on-failure --parallel 2

test-servers: build  ## run the tests that need real servers (OpenSearch, Elasticsearch, MinIO …), installed into .deps/servers
	@tools/servers install; installed=$$?; [ $$installed -ne 1 ] || exit 1; \
	  tools/servers run -- ctest --test-dir $(BUILD) -L servers --no-tests=error --output-on-failure && exit $$installed

bench: build  ## measure beside other programs, as docs/benchmarks.md describes
	@bench/run $(BUILD)

lint: configure  ## format, clang-tidy and syntax, every finding an error
	@tools/lint $(BUILD)

format:  ## format the C++ sources in place
	@git ls-files --cached --others --exclude-standard '*.h' '*.cpp' | xargs clang-format-19 -i

clean:  ## remove all builds
	rm -rf build
