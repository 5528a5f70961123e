# make run    install, fetch Fashion-MNIST, build and prove fashion_cnn
# make test   install what tests need; lint, types, tests
# make check  lint and types only (what pre-commit runs)

SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet
MODEL ?= fashion_cnn

.PHONY: run test check lint types pytest strace clean

run: $(VENV)/.run
	$(PYTHON) -m packager model=$(MODEL)

test: check pytest

check: lint types

lint: $(VENV)/.test
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: $(VENV)/.test
	$(PYTHON) -m mypy

pytest: $(VENV)/.test strace
	$(PYTHON) -m pytest -n 2 --dist loadfile

# Tests kill publishers at their system calls.
strace:
	@command -v strace >/dev/null || (apt-get update -qq && apt-get install -y -qq strace) \
	  || (echo "the tests need strace: install your distribution's package"; exit 1)

# Stamps: installed once, and again when what is to be installed changes.
$(VENV)/bin/python:
	python3 -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing packager and Triton's wheel into $(VENV) (about two minutes)"
	$(PIP) install --constraint constraints.txt --editable ".[embedded]"
	touch $@

$(VENV)/.test: $(VENV)/.run
	$(PIP) install --constraint constraints.txt --editable ".[embedded,test,lint]"
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
