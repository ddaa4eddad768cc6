# make demo: light install, the shipped model answers. make test: everything else, every test. Both are quick the second time.
PYTHON ?= python3
LIGHT := .venv
DEV := .venv-dev
PLUGINS := .venv-plugins
TRITON := .venv-triton
TENSORRT := .venv-tensorrt
DVC := .venv-dvc
SHELL := /bin/bash
PIP := -m pip --quiet --disable-pip-version-check install
# The rooms that answer a caller; nineteen lines of twenty must be covered by tests.
RUNTIME := backends bundle calibration detector encoding endpointing errors numerals policy_file records slots text types writing

empty :=
space := $(empty) $(empty)
comma := ,

ENVIRONMENTS := $(LIGHT) $(DEV) $(PLUGINS) $(TRITON) $(TENSORRT) $(DVC)

.PHONY: demo test environments test-plugins test-triton test-tensorrt test-dvc browser docs lint format clean

demo: $(LIGHT)/.ready
	$(LIGHT)/bin/turn-detection infer data/sample_inference.json --table --output predictions.json

test: environments browser lint test-plugins
	TURN_DETECTION_DVC_PYTHON=$(CURDIR)/$(DVC)/bin/python TURN_DETECTION_LIGHT_PYTHON=$(CURDIR)/$(LIGHT)/bin/python TURN_DETECTION_TRITON_PYTHON=$(CURDIR)/$(TRITON)/bin/python TURN_DETECTION_TENSORRT_PYTHON=$(CURDIR)/$(TENSORRT)/bin/python $(DEV)/bin/python -m pytest --ignore=tests/plugins --cov --cov-report= --numprocesses=2 --dist=loadfile
	$(DEV)/bin/coverage report --fail-under=95 --include='$(subst $(space),$(comma),$(foreach room,$(RUNTIME),src/turn_detection/$(room).py src/turn_detection/$(room)/*))'

# Each is a download and an unpacking; "make --jobs=3 environments" before "make test" takes half the time.
environments: $(addsuffix /.ready,$(ENVIRONMENTS))

# LiveKit Agents and Pipecat as their users install them, in an environment of their own: their pins and ours need not agree.
test-plugins: $(PLUGINS)/.ready
	$(PLUGINS)/bin/python -m mypy --config-file tests/plugins/mypy.toml src/turn_detection/plugins src/livekit examples
	$(PLUGINS)/bin/python -m pytest tests/plugins --numprocesses=2 --dist=loadfile

# A part of "make test": a real Triton server on free ports of this machine, see tests/triton/server.py.
test-triton: $(DEV)/.ready $(TRITON)/.ready
	TURN_DETECTION_TRITON_PYTHON=$(CURDIR)/$(TRITON)/bin/python $(DEV)/bin/python -m pytest tests/triton tests/backends/test_triton.py tests/test_triton_repository.py

# A part of "make test": TensorRT's parser and builder on graphs of the exporter, without a GPU.
test-tensorrt: $(DEV)/.ready $(TENSORRT)/.ready
	TURN_DETECTION_TENSORRT_PYTHON=$(CURDIR)/$(TENSORRT)/bin/python $(DEV)/bin/python -m pytest tests/deploy/test_tensorrt.py tests/deploy/test_convert_script.py

# A part of "make test": the pipeline of dvc.yaml on a tiny set, pushed to a folder and to a server of S3's protocol.
test-dvc: $(DEV)/.ready $(DVC)/.ready
	TURN_DETECTION_DVC_PYTHON=$(CURDIR)/$(DVC)/bin/python $(DEV)/bin/python -m pytest tests/pipeline/test_dvc.py

# Pages are tested in Debian's Chromium, which comes with a font that has Cyrillic; other systems install a chromium of their own.
browser:
	@command -v chromium > /dev/null || { \
	  asroot=; [ "$$(id -u)" = 0 ] || asroot=sudo; \
	  $$asroot apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $$asroot apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core > /dev/null; } \
	|| { echo "make test needs Chromium as 'chromium' on the PATH: install it with your package manager"; exit 1; }

# The documentation as a site, in site/; while writing: .venv-dev/bin/mkdocs serve
docs: $(DEV)/.ready
	NO_MKDOCS_2_WARNING=1 $(DEV)/bin/mkdocs build --strict

lint: $(DEV)/.ready
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" pre-commit run --all-files

format: $(DEV)/.ready
	$(DEV)/bin/ruff check --fix src tests
	$(DEV)/bin/ruff format src tests

clean:
	rm -rf $(ENVIRONMENTS) build dist site predictions.json

# --no-compile saves a quarter of the disk; Python compiles what is used when it is used.
$(LIGHT)/.ready: pyproject.toml requirements/serve.txt
	$(PYTHON) -m venv $(LIGHT)
	$(LIGHT)/bin/python $(PIP) --no-compile --constraint requirements/serve.txt --editable '.[serve]'
	touch $@

$(DEV)/.ready: pyproject.toml requirements/dev.txt
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python $(PIP) --requirement requirements/dev.txt
	$(DEV)/bin/python $(PIP) --no-deps --editable .
	touch $@

$(PLUGINS)/.ready: pyproject.toml requirements/plugins.txt
	$(PYTHON) -m venv $(PLUGINS)
	$(PLUGINS)/bin/python $(PIP) --requirement requirements/plugins.txt
	$(PLUGINS)/bin/python $(PIP) --no-deps --editable .
	touch $@

# The Triton server and what its backend imports, nothing else: 300 MB in a few seconds. numpy 1 on purpose, see the test environment in
# docs/triton.md.
$(TRITON)/.ready: requirements/triton.txt
	$(PYTHON) -m venv $(TRITON)
	$(TRITON)/bin/python $(PIP) --no-compile --no-deps --requirement requirements/triton.txt
	touch $@

# TensorRT for RTX: 95 MB to fetch, 260 MB on disk.
$(TENSORRT)/.ready: requirements/tensorrt.txt
	$(PYTHON) -m venv $(TENSORRT)
	$(TENSORRT)/bin/python $(PIP) --no-compile --no-deps --requirement requirements/tensorrt.txt
	touch $@

# DVC and a server of S3's protocol: their pins and those of training need not agree. 190 MB on disk.
$(DVC)/.ready: requirements/dvc.txt
	$(PYTHON) -m venv $(DVC)
	$(DVC)/bin/python $(PIP) --no-compile --no-deps --requirement requirements/dvc.txt
	touch $@
