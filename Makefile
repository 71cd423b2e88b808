# Everything a contributor runs. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help install demo test lint crash fuzz mutants bench screenshots contracts clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $@

install: $(READY) ## Make .venv and install the project with its test and development tools

demo: $(READY) ## Watch ten wallets pack a real order book, on a venue of our own
	$(BIN)/ama-tui demo

test: $(READY) ## Run the test suite (under 6 minutes on 2 cores)
	$(BIN)/python -m pytest -q -n 3 -m "not slow"

lint: $(READY) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

crash: $(READY) ## Kill whole runs 1,000 times at random and 20 times at every failpoint (about an hour)
	$(BIN)/python -m tests.crash

fuzz: $(READY) ## Malformed bodies, torn journals, ambiguous answers, by the tens of thousands (about half an hour)
	$(BIN)/python -m tests.fuzz
	AMA_TUI_LONG=1 $(BIN)/python -m pytest -q tests/store tests/engine

mutants: $(READY) ## Mutation testing of strategies, journal and reconciliation (about ten minutes)
	$(BIN)/python -m pip install --quiet -e '.[mutants]'
	$(BIN)/python -m tests.mutants

bench: $(READY) ## Measure speed and memory; prints a table and bench-results.json
	$(BIN)/python -m tests.bench

screenshots: $(READY) ## Drive a real demo run and write the pictures of the README
	$(BIN)/python -m tests.screenshots

contracts: $(READY) ## Recompile localnet's contracts
	$(BIN)/python -m ama_tui.localnet.contracts.build

clean: ## Remove the virtual environment and what tools leave behind
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis node_modules mutants
