# Each target does everything from a fresh clone, and nothing twice.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2

.PHONY: demo test test-browser lint docs install clean

demo: $(READY)  ## train, search and draw: timed and untimed returns on the knapsack
	$(BIN)/rrplan run knapsack --preset quick --out runs/demo --resume
	@echo 'To run rrplan yourself: source $(VENV)/bin/activate (or call $(BIN)/rrplan)'

test: lint  ## style and types, then the test suite
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

test-browser: $(READY)  ## the report in Debian's Chromium; installs both driver and browser
	$(BIN)/python -m pip install --quiet --editable '.[dev,browser]' -c constraints.txt
	command -v chromium > /dev/null || apt-get install --yes --quiet chromium \
		|| { echo 'test-browser needs Chromium: apt-get install chromium' >&2; exit 1; }
	$(BIN)/python -m pytest -m slow tests/experiments/html

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

docs: $(READY)  ## the documentation as a site, in build/site; every link is checked
	$(BIN)/python -m pip install --quiet --editable '.[docs]' -c constraints.txt
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

install: $(READY)

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip -c constraints.txt
	$(BIN)/python -m pip install --quiet --editable '.[dev]' -c constraints.txt
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
