# make run    install what is needed, fetch the sample photos, run the pipeline, print the verdicts
# make test   linters, type checker and all tests
# make ui     the Prefect and MLflow UIs of this workspace
PYTHON ?= python3.11
ifeq ($(shell command -v $(PYTHON) 2>/dev/null),)
PYTHON := python3
endif
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CONSTRAINTS := constraints.txt

.PHONY: run test check install ui clean

run: $(STAMP)
	[ -e data/raw.dvc ] || [ -e data/raw ] || $(BIN)/equipoise sample
	$(BIN)/equipoise run

install: $(STAMP)

# torch comes first and by pip, which honours a CPU index or local wheels of yours; uv then does the rest in seconds.
$(STAMP): pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 13) else "Python 3.11 or 3.12 is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv -c $(CONSTRAINTS) torch
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c $(CONSTRAINTS) -e '.[sample,dev]'
	touch $(STAMP)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

ui: $(STAMP)
	$(BIN)/equipoise ui

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache *.egg-info
