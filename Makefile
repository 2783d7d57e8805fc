# make demo and make test do all set-up themselves; a second call is quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test test-all check format coverage lock clean

demo: $(VENV)/.run-ready
	mkdir -p demo
	$(BIN)/gruforecast fit sample_data/air_passengers.csv --horizon 12 --trials 6 -o demo/model --overwrite --fresh
	$(BIN)/gruforecast predict demo/model --format table

TESTS := $(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

test: $(VENV)/.dev-ready
	$(TESTS) -m "not slow"

test-all: $(VENV)/.dev-ready
	$(TESTS)

check: $(VENV)/.dev-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev-ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

coverage: $(VENV)/.dev-ready
	$(BIN)/pytest --cov --cov-report=term-missing

# Renew the pinned versions (needs uv in the PATH).
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade --no-header -q -o requirements/dev.txt
	uv pip compile pyproject.toml --universal --python-version 3.11 --no-header -q -c requirements/dev.txt -o requirements/run.txt
	uv pip compile requirements/predict.in --universal --python-version 3.11 --no-header -q -c requirements/dev.txt -o requirements/predict.txt

clean:
	rm -rf $(VENV) demo build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "gruforecast needs Python 3.11 to 3.13: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-ready: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install -r requirements/run.txt
	$(PIP) install --no-deps -e .
	touch $@

$(VENV)/.dev-ready: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install -r requirements/dev.txt
	$(PIP) install --no-deps -e .
	touch $@ $(VENV)/.run-ready
