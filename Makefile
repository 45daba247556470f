# make demo | test | repro: see README.md. Needs git, make, and Python 3.11 or 3.12.

PYTHON ?= $(firstword $(shell command -v python3.12 python3.11 python3 python 2>/dev/null))
BIN := .venv/bin
# Stages run as `python -m stages.x`: with the environment first on the path they all use it.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup demo test repro clean

help:  ## what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

setup: .venv/ready  ## create .venv and install the pinned requirements

.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] in ((3, 11), (3, 12)) else "fer needs Python 3.11 or 3.12, this is " + sys.version.split()[0] + ": name one with `make PYTHON=python3.12 ...`.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --require-hashes -r requirements.txt
	@touch $@

demo: setup  ## the whole pipeline on drawn faces, in a few minutes, without touching your files
	@$(BIN)/python -m fer.demo

test: setup  ## lint, types and tests
	ruff check .
	ruff format --check .
	mypy
	python -m pytest

repro: setup  ## rebuild everything from FER2013
	dvc repro

clean:  ## remove the environment, caches and half-finished trainings
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache
