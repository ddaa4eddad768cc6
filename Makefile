# make demo: light install, the shipped model answers. make test: everything else, every test. Both are quick the second time.
PYTHON ?= python3
LIGHT := .venv
DEV := .venv-dev
SHELL := /bin/bash

.PHONY: demo test lint format clean

demo: $(LIGHT)/.ready
	$(LIGHT)/bin/turn-detection infer data/sample_inference.json --table --output predictions.json

test: $(DEV)/.ready $(LIGHT)/.ready lint
	TURN_DETECTION_LIGHT_PYTHON=$(CURDIR)/$(LIGHT)/bin/python $(DEV)/bin/python -m pytest --cov --cov-report=term:skip-covered

lint: $(DEV)/.ready
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" pre-commit run --all-files

format: $(DEV)/.ready
	$(DEV)/bin/ruff check --fix src tests
	$(DEV)/bin/ruff format src tests

clean:
	rm -rf $(LIGHT) $(DEV) build dist predictions.json

$(LIGHT)/.ready: pyproject.toml requirements/serve.txt
	$(PYTHON) -m venv $(LIGHT)
	$(LIGHT)/bin/python -m pip install --quiet --disable-pip-version-check --constraint requirements/serve.txt --editable '.[serve]'
	touch $@

$(DEV)/.ready: pyproject.toml requirements/dev.txt
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements/dev.txt
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@
