# Two commands: `make search` sets up and runs the main job, `make test` sets up and tests.
VENV ?= .venv
BIN := $(VENV)/bin

# The first Python of 3.11 to 3.13 that is there; another with `make PYTHON=/path/to/python`.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$python && break; done)

# Overrides for the search, for example: make search ARGS="data.path=products.csv budget=default"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install search test quick-test lint clean

help:  ## Show what there is to do.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(VENV)/.installed  ## Make the virtual environment with the pinned packages.

search: $(VENV)/.installed  ## Search for some 10 minutes, retrain the best, test once, export.
	@echo "Searching hyperparameters, some 10 minutes on 2 cores at most with budget=quick; the best" \
		"model is exported to model/."
	@echo 'Of your own file, or for longer: make search ARGS="data.path=FILE budget=default"'
	$(BIN)/python -m ecomcat.search budget=quick $(ARGS)

test: lint  ## Check style and types, and run every test.
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder -q

quick-test: $(VENV)/.installed-dev  ## Run the tests that train nothing.
	$(BIN)/python -m pytest -n 2 -q -m "not slow"

lint: $(VENV)/.installed-dev  ## Check style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:  ## Remove the virtual environment and caches; data, model and outputs stay.
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Expected Python 3.11, 3.12 or 3.13, found none on the PATH." \
		"Install one, or run: make PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing ecomcat with TensorFlow and all else that it needs into $(VENV):" \
		"once, in some minutes, 3 GB on disk, of which 1 GB is downloaded."
	$(BIN)/python -m pip install -c constraints.txt -e ".[audit,cluster,serve]"
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -c constraints.txt -e ".[dev]"
	touch $@ $(VENV)/.installed
