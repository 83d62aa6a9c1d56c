# `make run` and `make test` need only Python 3.11 to 3.13 and make: the first call installs what they need
# into .venv, from requirements.lock; the next ones start at once. Extra arguments go in ARGS.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PYTEST := $(BIN)/pytest --numprocesses auto --dist worksteal
# What CI runs: all but the soak, and each property with all of its examples.
WHOLE := HYPOTHESIS_PROFILE=ci $(PYTEST) -m 'not soak'
FOLDERS := schemas eventlog projections processors ingest query runtime
FOLDING := tests/unit/test_projector.py tests/unit/test_ahead.py tests/unit/test_decode.py tests/unit/test_store.py \
	$(addprefix tests/properties/test_,fold.py controls.py rebuild.py repairs.py) $(wildcard tests/reference)
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
# What counts as published: the last release, or what was committed more than four hours ago; and the main branch.
PUBLISHED_AT = $(shell { \
	git describe --tags --abbrev=0 --match 'v*' || git rev-list -1 --before='4 hours ago' HEAD; \
	git rev-parse --verify --quiet origin/main; } 2>/dev/null)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run test check lint types imports schemas-check coverage collide smoke bench soak mutations \
	lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## install everything into .venv

$(READY): pyproject.toml requirements.lock
	@test -n '$(PYTHON)' && '$(PYTHON)' -c '$(SUPPORTED)' || { \
		echo 'Kizuna needs Python 3.11, 3.12 or 3.13. Install one, or name it: make PYTHON=/path/to/python3.12' >&2; \
		exit 1; }
	@'$(PYTHON)' -m venv --clear $(VENV) || { \
		echo 'This Python cannot make a virtual environment. On Debian or Ubuntu: apt install python3-venv' >&2; \
		exit 1; }
	@echo 'Installing into $(VENV) ...'
	@$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/pip check --quiet
	@touch $@

run: $(READY) ## start a node with a living demo shop on port 8080
	@$(BIN)/kizuna demo --data ./data --port 8080 $(ARGS)

test: $(READY) ## pass the tests, but for those that take minutes: `make check` has them too
	@$(PYTEST) $(ARGS)

check: lint types imports schemas-check coverage collide ## all that CI checks

lint: $(READY) ## style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY) ## mypy strict, over code and tests
	@$(BIN)/mypy

imports: $(READY) ## the order of the layers
	@$(BIN)/lint-imports --no-logo

schemas-check: $(READY) ## published JSON Schemas: no drift, no incompatible change
	@$(BIN)/python -m kizuna.schemas.jsonschemas --check
	@for base in $(PUBLISHED_AT); do \
		$(BIN)/python -m kizuna.schemas.compatibility $$base && echo "Schemas are compatible with $$base" || exit 1; \
	done

coverage: $(READY) ## all tests, with coverage of each folder
	@$(WHOLE) $(FOLDERS:%=--cov=%) --cov-report=term $(ARGS)

collide: $(READY) ## the tests that fold, again, with ids that collide
	@$(WHOLE) -q --collide $(FOLDING) $(ARGS)

smoke: ## the quick tests on every other supported Python that this machine has
	@.ci/smoke

bench: $(READY) ## measure; ARGS="--help" tells what
	@$(BIN)/python -m benchmarks $(ARGS)

soak: $(READY) ## the properties with many more examples, and the tests that run for minutes
	@$(BIN)/python -m benchmarks.soak $(ARGS)

mutations: $(READY) ## make the code wrong in one place at a time: the tests have to notice
	@$(BIN)/python -m tests.mutations $(ARGS)

lock: ## resolve requirements.lock again, on the lowest supported Python (names, versions and hashes only)
	@'$(PYTHON)' -m venv --clear $(VENV)-lock
	@$(VENV)-lock/bin/pip install --quiet pip-tools
	@CUSTOM_COMPILE_COMMAND='make lock' $(VENV)-lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras \
		--extra dev --extra otel --output-file requirements.lock pyproject.toml
	@CUSTOM_COMPILE_COMMAND='make lock' $(VENV)-lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras \
		--extra otel --constraint requirements.lock --output-file deploy/requirements.lock pyproject.toml

clean: ## remove what make made, except the data
	@rm -rf $(VENV) $(VENV)-* build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .coverage
