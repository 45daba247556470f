# make predict | demo | test | bench | torture | plan | repro | queue | results | release: see README.md.
# Needs git, make, and Python 3.11 or later.

# The first Python that runs and fits; a name on the path alone may be a version manager's empty promise.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do $$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Stages run as `python -m stages.x`: with the environment first on the path they all use it.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help predict named setup demo test bench torture plan repro queue results release clean

help:  ## what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

# Predicting needs a small environment only; where the whole one is, that one serves.
SMALL := $(if $(wildcard .venv/ready),.venv,.venv-predict)

predict: named $(SMALL)/ready  ## expressions of the faces in a photo or folder: make predict IMAGE=photo.jpg [ARGS='--top 2']
	@$(SMALL)/bin/fer predict $(ARGS) -- "$$IMAGE"

named:
	@test -n "$$IMAGE" || { echo 'Name a photo: make predict IMAGE=photo.jpg' >&2; exit 2; }

setup: .venv/ready  ## create .venv and install the pinned requirements

# $(call environment,FOLDER): a virtual environment with pip alone
define environment
	@$(PYTHON) -c '$(FITS)' 2>/dev/null || { echo 'fer needs Python 3.11, 3.12, 3.13 or 3.14. Install one, or name it: make PYTHON=/path/to/python3.12 ...' >&2; exit 1; }
	@test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
endef

.venv/ready: requirements.txt pyproject.toml
	$(call environment,.venv)
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv/bin/uv pip install --python .venv/bin/python --no-deps --require-hashes -r requirements.txt
	@.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
	@touch $@

# Eight packages: pip is fast enough, and uv would be a fifth of this environment.
.venv-predict/ready: requirements-predict.txt pyproject.toml
	$(call environment,.venv-predict)
	.venv-predict/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-predict.txt
	@.venv-predict/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: setup  ## the whole pipeline on drawn faces, in a few minutes; it says how to undo it
	@$(BIN)/python -m fer.demo

test: setup  ## lint, types and tests
	ruff check .
	ruff format --check .
	mypy
	python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: setup  ## speed and memory beside the baseline, in 15 minutes on an idle machine: make bench [DEVICE=cuda]
	@$(BIN)/python -m benchmarks --device $(or $(DEVICE),cpu)

results: setup  ## the measured models as a table
	@$(BIN)/python -m fer.evaluation.results

torture: setup  ## stop the pipeline at random moments, 20 times, and compare what comes out
	@python -m tests.torture

plan: setup  ## what `dvc repro` would run now, and about how long it takes
	@python -m fer.plan

queue: setup  ## work through the queued experiments, several at a time, the cores divided: make queue JOBS=2
	@case '$(JOBS)' in 0*|*[!0-9]*) echo 'JOBS must be a whole number from 1.' >&2; exit 2;; esac
	@threads=$$(python -c 'import os, sys; print(max(1, os.cpu_count() // int(sys.argv[1])))' '$(or $(JOBS),1)') && \
	OMP_NUM_THREADS=$$threads dvc queue start -j '$(or $(JOBS),1)'

repro: setup  ## rebuild everything from FER2013, also what files outside the project have changed: make repro [JOBS=2]
	@stages=$$(python -m fer.untracked) && for stage in $$stages; do dvc repro --force --single-item $$stage || exit; done
	$(if $(JOBS),python -m fer.repro --jobs '$(JOBS)',dvc repro)

release: setup  ## copy the exported models into the package: make release MODELS='cnn:int8 mlp'
	@$(BIN)/python -m fer.release $(or $(MODELS),cnn:int8 mlp:float16 gnn:float16 transformer:float16) $(ARGS)

clean:  ## remove the environment, caches and half-finished trainings
	rm -rf .venv .venv-predict .cache .mypy_cache .ruff_cache .pytest_cache
