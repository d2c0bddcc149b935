# setup: the environment in .venv · quickstart: the example experiment · test: what CI runs · reliability: faults and
# fuzzed files, 45 minutes · bench: benchmarks · docs
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup quickstart test reliability bench docs

setup: .venv/.done

.venv/.done: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

quickstart: setup
	$(BIN)/xstilts run quickstart-images
	$(BIN)/xstilts run quickstart

test: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

reliability: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.reliability

bench: setup
	$(BIN)/python bench/all.py

docs: setup
	$(BIN)/python docs/build_reference.py
