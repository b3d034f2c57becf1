# Each goal stands alone on a fresh clone: the virtual environment is made and filled when it is missing.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

# torch is installed first and on its own, so that no later step replaces the build you chose (on Linux the newest one
# brings gigabytes of CUDA). With an NVIDIA driver that newest one is taken. Anything that pip accepts may stand here:
#     make install TORCH="torch"
#     make install TORCH="torch --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= $(shell command -v nvidia-smi >/dev/null 2>&1 && echo torch || echo torch==2.13.0)

.PHONY: install demo test check bench docs clean

install: $(VENV)/.installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "scalor needs Python 3.11 or newer; say which with make PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The stamp is newer than pyproject.toml as long as nothing has to be installed again.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@$(BIN)/python -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)' || \
		$(BIN)/python -m pip install $(TORCH)
	$(BIN)/python -m pip install -e '.[dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install -e '.[docs]'
	@touch $@

demo: install
	$(BIN)/scalor demo --minutes 5 -o demo-output

# Two workers with one thread each: OpenMP threads of several processes on the same cores slow each other down.
test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow and not golden"
	$(BIN)/python -m pytest -m "slow or golden"

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy src
	$(BIN)/lint-imports

bench: install
	$(BIN)/scalor bench

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict

clean:
	rm -rf build dist site .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
