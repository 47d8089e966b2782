# Everything a developer or an operator runs from a checkout. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: help setup setup-tests demo test check format schemas bench soak lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

setup: $(VENV)/.ready ## virtual environment with pinned packages, the static entrypoint, bubblewrap where it can be installed
	@scripts/system-packages bubblewrap

$(VENV)/.ready: requirements.txt requirements-dev.txt pyproject.toml native/entrypoint.c native/build.py
	@scripts/python-version $(PYTHON)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "Building the static entrypoint …"
	@$(BIN)/python native/build.py
	@touch $@

setup-tests: setup
	@scripts/system-packages chromium
	@scripts/foreign-packages

demo: setup ## the whole system on this machine: a scripted contributor, and a page to watch (ONCE=1 ends by itself)
	@$(BIN)/prow demo $(DEMO)

test: setup-tests ## the whole test suite
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q

check: setup ## format, lint, types, floors
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## rewrite the sources as the formatter wants them
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schemas: setup ## write the JSON Schemas and the configuration reference again, after a change of types or their docs
	@$(BIN)/prow schema --output=src/prow/config/schemas
	@$(BIN)/prow schema --format=markdown --output=docs/configuration

bench: setup ## every figure in bench/ as a table (ONLY=name for one)
	@$(BIN)/python -m bench $(ONLY)

soak: setup ## the long runs, full size
	@$(BIN)/python -m pytest -q -m soak -n 0 --timeout 1800 tests/soak

lock: ## pin the newest allowed versions again
	@$(BIN)/python -m pip install --quiet pip-tools
	@$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-header --strip-extras --allow-unsafe -o requirements.txt pyproject.toml
	@$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-header --strip-extras --allow-unsafe --extra dev -o requirements-dev.txt pyproject.toml

clean: ## forget everything that was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
