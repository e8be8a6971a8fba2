# The two commands that matter: `make sweep` and `make test`. Everything else is a convenience.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
STUDY  ?= zlayers
# benchmarks need no exact types, but every call must fit what it calls
LOOSE  := arg-type assignment index misc operator return-value type-var unused-ignore \
          var-annotated

.DEFAULT_GOAL := help
.PHONY: help sweep test long slow lint schema docs clean

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# the stamps make a second call fast; a changed dependency list installs again
$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e '.[train]'
	@$(BIN)/python tools/schema.py
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) -e '.[train,dev,cluster,postgres,docs]'
	@touch $@

$(VENV)/.installed-trackers: $(VENV)/.installed-dev
	$(PIP) -e '.[train,trackers]'
	@touch $@

sweep: $(VENV)/.installed  ## venv, install, the study of z-layers and its report
	$(BIN)/python train.py -m hparams_search=$(STUDY)
	$(BIN)/python analyze.py study=$(STUDY)

# some machines forbid bytecode: then every process of a test would compile the package anew
test: $(VENV)/.installed-dev  ## venv, install, the default test suite
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist worksteal -q --durations=10

long: $(VENV)/.installed-dev  ## the tests of whole studies and commands, as CI runs them
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist worksteal -q -m "long and not slow"

slow: $(VENV)/.installed-trackers  ## the tests marked slow
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 -q -m slow

lint: $(VENV)/.installed-dev  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=benchmarks:tests/support:. $(BIN)/mypy $(addprefix --disable-error-code=,$(LOOSE)) benchmarks

schema: $(VENV)/.installed  ## what editors know of conf/, in .vscode/schemas
	$(BIN)/python tools/schema.py

docs: $(VENV)/.installed-dev  ## the pages of docs/ in build/site, links checked
	$(BIN)/python tools/architecture.py
	$(BIN)/python tools/sweeper_page.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove caches and the venv; logs and data stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache *.egg-info build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
