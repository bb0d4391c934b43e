# Every target works from a clean clone: the environment is made first, from the locked versions.
PYTHON ?= python3
BIN := .venv/bin
# Where it is set, each of the hundreds of processes that tests start would compile all its imports again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo dev test lint lint-python lint-sql check bench crash sdks validate lock clean

help:  ## what can be done here
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

.venv/installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirements requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: .venv/installed  ## two months of a shop, its messages and what they earned, in a few minutes
	$(BIN)/millrace demo

dev: .venv/installed  ## the same in Dagster's UI
	$(BIN)/millrace dev

test: .venv/installed  ## all tests
	.ci/packages
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=25

lint: .venv/installed  ## style, types, layers, and every flow and template
	@$(MAKE) --no-print-directory -j 2 --output-sync lint-sql lint-python

lint-python: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/millrace flows check
	$(BIN)/millrace templates lint

lint-sql: .venv/installed
	$(BIN)/sqlfluff lint --disable-progress-bar dbt/models dbt/tests
	$(BIN)/sqlfluff lint --disable-progress-bar --templater raw sql

check: lint test  ## everything that the gate wants

bench: .venv/installed  ## speed and memory, as ratios within one run
	$(BIN)/python -m tests.bench

crash: .venv/installed  ## senders killed thousands of times; what the providers count must be right
	.ci/packages
	$(BIN)/python -m tests.crash --kills 4000

sdks: .venv/installed  ## 100,000 events of each SDK while the collector is killed
	$(BIN)/python -m tests.end_to_end

validate: .venv/installed  ## our figures beside published and true ones
	$(BIN)/python -m tests.validate

lock: .venv/installed  ## resolve again after a change of dependencies
	$(BIN)/uv lock --quiet
	$(BIN)/uv export --quiet --frozen --no-emit-project --all-groups --no-header > requirements.lock

clean:  ## forget the environment and the demo's state
	rm -rf .venv .millrace
