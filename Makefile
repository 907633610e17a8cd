# make run   a first run: the LSTM reads the bundled MNIST; the run folder and its figures stay in runs/
# make test  every check: ruff, types, tests
# make locked  the tests in an environment of known releases, each file's hash checked
# make lock   those releases chosen anew; make audit asks whether a fault is known of any
# make sanitize  the kernels alone, under the address, undefined-behaviour and thread sanitizers
PYTHON ?= python3
BIN := .venv/bin
BUILT := pyproject.toml CMakeLists.txt $(wildcard src/hiddenstate/kernels/csrc/*)

.PHONY: run test locked lock audit sanitize clean

run: .venv/installed
	$(BIN)/hiddenstate classify
	@echo "more: source .venv/bin/activate, then hiddenstate --help"

test: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto

# torch comes first and by range: its builds for processors and cards differ.
locked: requirements/test.txt
	$(PYTHON) -m venv --clear .venv-locked
	.venv-locked/bin/python -m pip install --quiet 'torch>=2.4'
	.venv-locked/bin/python -m pip install --quiet --require-hashes --requirement requirements/test.txt
	.venv-locked/bin/python -m pip install --quiet --no-deps --no-build-isolation .
	.venv-locked/bin/pytest -n auto

lock: .venv-tools/installed
	$(PYTHON) requirements/inputs.py | .venv-tools/bin/pip-compile --quiet --generate-hashes \
	  --upgrade --strip-extras --allow-unsafe --no-header --no-annotate --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --no-emit-options \
	  --output-file requirements/test.txt -

audit: .venv-tools/installed
	.venv-tools/bin/pip-audit --disable-pip --require-hashes --requirement requirements/test.txt

.venv-tools/installed:
	$(PYTHON) -m venv .venv-tools
	.venv-tools/bin/python -m pip install --quiet pip-tools pip-audit
	touch $@

sanitize:
	@set -e; for kind in address,undefined thread; do \
	  cmake -S . -B build/sanitize-$$kind -DHS_DRIVER=ON -DHS_SANITIZE=$$kind >/dev/null; \
	  cmake --build build/sanitize-$$kind --parallel 2; \
	  echo "$$kind:"; UBSAN_OPTIONS=print_stacktrace=1 build/sanitize-$$kind/driver; \
	done

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: $(BUILT) | .venv/bin/python
	@echo "compiling and installing into .venv; this takes a minute"
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/installed-dev: $(BUILT) | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev,series]'
	touch $@ .venv/installed

clean:
	rm -rf .venv .venv-locked .venv-tools build dist .mypy_cache .ruff_cache .pytest_cache
