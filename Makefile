# Afina: every command a person needs. `make help` lists them.
SHELL := /bin/sh
PYTHON ?= python3
VENV ?= .venv
# Which PyTorch build: cpu, cuda (newest), or one that `uv pip install --torch-backend` knows, such as cu128.
# Empty chooses: cuda where an NVIDIA card answers, cpu elsewhere.
TORCH_BACKEND ?=

BIN := $(VENV)/bin
TORCH := $(shell grep '^torch==' constraints.txt)
BACKEND := $(or $(TORCH_BACKEND),$(shell command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1 && echo auto || echo cpu))
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# One process more than cores, four at most, and one thread in each: tests that drive a browser or a server mostly wait.
PROCESSES := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))
# Bytecode is kept, for hundreds of processes start that would each compile the studio.
PYTEST = PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(PROCESSES) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install run test test-all lint format browser screenshots benchmark constraints wheel clean

help: ## List the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Afina needs Python 3.11 or newer; 'make run PYTHON=/path/to/python3.11' names one."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Making a Python environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP_INSTALL) --upgrade pip uv
	@touch $@

# The CPU build of PyTorch is 200 MB, the CUDA build several GB; the ordinary index is the way out where PyTorch's is not reachable.
$(VENV)/.torch: constraints.txt | $(VENV)/.python
	@echo "Installing PyTorch ($(BACKEND)) …"
	@$(BIN)/python -c 'import torch, sys; sys.exit("torch==" + torch.__version__.split("+")[0] != "$(TORCH)")' 2>/dev/null \
		|| $(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend=$(patsubst cuda,auto,$(BACKEND)) $(TORCH) 2>/dev/null \
		|| $(PIP_INSTALL) $(TORCH)
	@touch $@

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/.torch
	@echo "Installing Afina …"
	@$(PIP_INSTALL) --editable .
	@echo "Compiling for this processor …"
	@$(BIN)/python -m studio.training.engines.fused.warmup \
		|| echo "Warning: nothing compiled ahead; Afina works all the same, its first run starts later."
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	@echo "Installing what the tests need …"
	@$(PIP_INSTALL) --editable '.[test]'
	@touch $@

install: $(VENV)/.installed ## Prepare everything without serving.

run: install ## Set up where needed, then serve the studio and open it.
	@$(BIN)/afina serve

browser: $(VENV)/.test ## Find or install the Chromium that the browser tests drive.
	@$(BIN)/python tests/browser/chromium.py

lint: $(VENV)/.test ## Style, types, layers.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --config pyproject.toml

test: lint browser ## Set up where needed, then lint and run the tests.
	@$(PYTEST) -m "not slow"

test-all: lint browser ## Every test, the long ones too.
	@$(PYTEST)

format: $(VENV)/.test ## Format the code.
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

screenshots: browser ## Make the README's screenshots from a real run.
	@$(BIN)/python -m tests.browser.screenshots

wheel: $(VENV)/.python ## Build the wheel into dist/.
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

constraints: $(VENV)/.test ## Write the versions now installed into constraints.txt.
	@{ echo "# Exact versions that Afina is tested with. Made by: make constraints"; \
	   $(BIN)/python -m pip freeze --all --exclude-editable | sed 's/+[a-z0-9]*$$//' | grep -v -E '^(setuptools|wheel)=='; } \
	   > constraints.txt.new && mv constraints.txt.new constraints.txt

clean: ## Remove the environment and caches; projects and models are kept.
	@rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache
