# Two commands do everything: `make lab` opens the laboratory, `make test` proves it.
# Both make their own virtual environment in .venv; PYTHON=… chooses the interpreter (3.11 or newer).

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
comma := ,
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE :=  # what was compiled once, the next of a hundred processes need not compile

.PHONY: lab test lint bench clean
.DELETE_ON_ERROR:

lab: $(VENV)/.lab
	@$(BIN)/realtime lab

test: $(VENV)/.test lint
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/pytest --numprocesses=auto --dist=loadscope -p no:nbval --cov --cov-branch --cov-report=term --durations=25 \
	  --ignore=tests/browser -m "not untraced" tests
	@$(BIN)/pytest --numprocesses=auto --dist=worksteal -p no:nbval --durations=25 --ignore=tests/browser -m untraced tests
	@$(BIN)/pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder --nbval --nbval-cell-timeout=120 --timeout=300 \
	  tests/browser notebooks

lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.test
	@$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* tests/interop/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found. Install one, or say where it is: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Making $(VENV) with $(PYTHON) …"
	@$(PYTHON) -m venv $(VENV) || { echo "Could not make a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@touch $@

# uv takes seconds where pip takes a minute; pip stands in where uv or its view of the package index fails.
define install
	@$(BIN)/pip install --quiet uv 2>/dev/null && $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable '.[$(1)]' \
	  || $(BIN)/pip install --quiet --editable '.[$(1)]'
endef

$(VENV)/.lab: pyproject.toml | $(VENV)/.python
	@echo "Installing realtime-lab for the laboratory, once …"
	$(call install,lab$(comma)server$(comma)geo)
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/.python
	@echo "Installing realtime-lab with its test tools, once …"
	$(call install,lab$(comma)server$(comma)geo$(comma)cluster$(comma)test)
	@touch $@ $(VENV)/.lab
