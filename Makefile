# Everything a fresh machine needs is Python 3.11 or later, git and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TSC := $(VENV)/node_modules/.bin/tsc
NPM := npm install --silent --no-save --no-package-lock --fetch-retries 0 --fetch-timeout 20000 --prefix $(VENV)
READY := $(VENV)/.ready
RUNS ?= 100000
SIMULATIONS ?= 2000
MACHINES ?= 20

.PHONY: help demo test test-unit coverage golden lint format bench fuzz screenshots clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(READY) ## run lock, plan, apply, plan on an embedded emulator of the service
	$(BIN)/reconcile demo

test: $(READY) ## run all tests; COVERAGE=1 also measures their coverage and checks its floor
ifdef COVERAGE
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
else
	$(BIN)/pytest -n auto
endif

test-unit: $(READY) ## run the unit tests: about a minute
	$(BIN)/pytest -n auto tests/unit

coverage: ## run all tests, list what they leave out, and check the floor
	$(MAKE) test COVERAGE=1

golden: $(READY) ## write the golden files again after an intended change; read the difference
	UPDATE_GOLDEN=1 $(BIN)/pytest $$(grep -rl assert_golden tests --include='test_*.py')
	git diff --stat -- tests/golden

lint: $(READY) ## check style, types (of the scripts too, where npm is at hand) and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if [ -x $(TSC) ] || { command -v npm >/dev/null && $(NPM) typescript@7.0; }; then \
	$(TSC) --project .ci/tsconfig.json; else echo "No npm, or nothing from it: types of scripts are not checked."; fi

format: $(READY) ## format the code and repair what can be repaired
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY) ## measure whole processes: about ten minutes
	$(BIN)/python tests/bench/everything.py

fuzz: $(READY) ## run the fuzzers, RUNS=100000 times each
	$(BIN)/python tests/fuzz/fuzz_desired.py --runs $(RUNS)
	$(BIN)/python tests/fuzz/fuzz_bodies.py --runs $(RUNS)
	$(BIN)/python tests/fuzz/fuzz_files.py --runs $(RUNS)
	$(BIN)/python tests/fuzz/fuzz_redirects.py --runs $(RUNS)
	$(BIN)/python tests/simulator --runs $(SIMULATIONS)
	EXAMPLES=$(MACHINES) $(BIN)/pytest tests/faults/test_two_machines.py

screenshots: $(READY) ## take the README's pictures, with Debian's chromium and chromium-driver
	$(BIN)/python tests/docs/screenshots.py

clean: ## remove the virtual environment, caches and builds
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* build dist

# Set up again only when what is to be installed changed.
$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "reconcile needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' # knows dependency groups
	$(BIN)/python -m pip install --quiet --upgrade-strategy only-if-needed -e '.[cdn,choose,emulator,redis,report,s3]' --group dev
	touch $@
