# Everything a contributor runs. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
TOOLS  := $(VENV)/tools
LOCK   := requirements.lock
IN_PROCESS := not (e2e or crash or bench or install or slow or anvil or tmux)
UNIT   := not (e2e or crash or hostile or ui or localnet or bench or install or run or slow or anvil or tmux)
UNIT_TESTS := tests/test_import_law.py tests/test_makefile.py tests/test_lock.py tests/test_leaks.py $(wildcard tests/config tests/disk tests/domain tests/keys tests/store tests/strategies tests/venue) tests/engine

# without byte code every process that a test starts would compile the whole program first
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install install-test demo check coverage test lint lock upgrade audit crash fuzz hostile soak mutants bench bench-long screenshots contracts clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml $(LOCK)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# uv and pip-audit, apart from the project
$(TOOLS)/.ready: pyproject.toml
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(TOOLS)/bin/python -m pip install --quiet --group supply
	@touch $@

install: $(READY) ## Make .venv and install the project with its test and development tools, as locked

demo: $(READY) ## Watch ten wallets pack a real order book, on a venue of our own
	$(BIN)/ama-tui demo

check: $(READY) ## Lint, types and unit tests, side by side
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy & types=$$!; \
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "$(UNIT)" $(UNIT_TESTS); tests=$$?; \
	wait $$types && exit $$tests

test: $(READY) ## Run the test suite (about six minutes on 2 cores)
	$(BIN)/python -m pytest -q -n 4 --dist worksteal -m "not slow and not install"

coverage: $(READY) ## Branch coverage of everything that runs in the tests' own process, against the floor in pyproject.toml
	$(BIN)/python -m pytest -q -n 4 --dist worksteal -m "$(IN_PROCESS)" --cov --cov-report=term:skip-covered

install-test: $(READY) ## Build the wheel, install it without extras in an empty environment and use it (asks a package index)
	$(BIN)/python -m pytest -q -m install

lint: $(READY) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: $(TOOLS)/.ready ## Write requirements.lock anew from pyproject.toml; what is locked stays where it still fits
	$(TOOLS)/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --quiet \
	  --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' $(UPGRADE) -o $(LOCK)

upgrade: UPGRADE := --upgrade
upgrade: lock ## The same, with the newest version of everything that pyproject.toml lets in

audit: $(TOOLS)/.ready ## Look for known vulnerabilities in everything that is locked (asks pypi.org)
	@$(TOOLS)/bin/python -m tests.audit $(TOOLS)/bin/pip-audit $(LOCK)

crash: $(READY) ## Kill whole runs by the thousand, also as sessions are made; look for keys in what failures leave (about an hour)
	$(BIN)/python -m tests.crash
	$(BIN)/python -m tests.crash.sessions
	$(BIN)/python -m tests.crash.canary

fuzz: $(READY) ## Malformed bodies, torn journals, ambiguous answers, by the tens of thousands (about half an hour)
	$(BIN)/python -m tests.fuzz
	AMA_TUI_LONG=1 $(BIN)/python -m pytest -q tests/store tests/engine

hostile: $(READY) ## Whole runs against a venue that lies, kills, and signals at random moments (about twenty minutes)
	$(BIN)/python -m tests.hostile

soak: $(READY) ## 30 simulated days, then an hour of a venue, a headless run and a dashboard under chaos; fails if anything grows or slows down
	$(BIN)/python -m tests.soak

mutants: $(READY) ## Mutation testing of strategies, journal and reconciliation (about ten minutes)
	$(BIN)/python -m pip install --quiet -e '.[mutants]'
	$(BIN)/python -m tests.mutants

bench: $(READY) ## Measure speed against a bare client, name what got worse than the baseline (under ten minutes)
	$(BIN)/python -m tests.bench

bench-long: $(READY) ## The same with 1,000 and 5,000 wallets and a journal of 1,000,000 lines (about an hour)
	$(BIN)/python -m tests.bench --long

screenshots: $(READY) ## Drive a real demo run and write the pictures of the README
	$(BIN)/python -m tests.screenshots

contracts: $(READY) ## Recompile localnet's contracts
	$(BIN)/python -m ama_tui.localnet.contracts.build

clean: ## Remove the virtual environment and what tools leave behind
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis node_modules mutants
