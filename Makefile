# Everything a fresh machine needs is Python 3.11 or later, git and make.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
RUNS ?= 100000

.PHONY: demo test lint bench fuzz screenshots clean

demo: $(READY)
	$(BIN)/reconcile demo

test: $(READY)
	$(BIN)/pytest -n auto

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python tests/bench/everything.py

fuzz: $(READY)
	$(BIN)/python tests/fuzz/fuzz_desired.py --runs $(RUNS)
	$(BIN)/python tests/fuzz/fuzz_bodies.py --runs $(RUNS)
	$(BIN)/python tests/fuzz/fuzz_files.py --runs $(RUNS)

# README.md's pictures, taken by Debian's chromium and chromium-driver.
screenshots: $(READY)
	$(BIN)/python tests/docs/screenshots.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

# Set up again only when what is to be installed changed.
$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "reconcile needs Python 3.11 or later")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade-strategy only-if-needed -e '.[dev]'
	touch $@
