# The few commands that one needs. Everything happens in .venv; `make clean` forgets it.

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
# Plugins as somebody else would write them: with settings of their own for each tool, which are used.
FOREIGN := $(patsubst %/pyproject.toml,%,$(wildcard contrib/*/pyproject.toml))
MANIFESTS := pyproject.toml $(PLUGINS:%=%/pyproject.toml) $(FOREIGN:%=%/pyproject.toml)
EDITABLE := -e . $(PLUGINS:%=-e ./%) $(FOREIGN:%=-e ./%)
DEMO := $(patsubst %,plugins/dialog-%,twilio silero local demo browser)
# Plugins then depend on the core by version, and the editable one counts.
PIP := DIALOG_CORE_VERSION=">=0.1" $(BIN)/python -m pip --disable-pip-version-check install -qq

.DEFAULT_GOAL := help
.PHONY: help demo talk test lint types tests docs bench clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/demo  ## hold a call with a simulated caller, on this machine alone
	@$(BIN)/dialogctl models fetch > /dev/null
	@$(BIN)/dialogctl demo --file contrib/examples/local/dialog.toml --output demo-output
	@echo "to talk to it yourself, from a browser: make talk"

talk: $(VENV)/demo  ## talk to the same agent yourself, from this machine's browser
	@$(BIN)/dialogctl models fetch > /dev/null
	@$(BIN)/dialogctl serve contrib/examples/browser/dialog.toml

test: lint types tests  ## lint, types and all tests, the vendors' SDKs against our fakes included

lint: $(VENV)/tested
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check

types: $(VENV)/tested
	@$(BIN)/mypy
	@set -e; for plugin in $(PLUGINS); do echo "mypy $$plugin"; cd "$(CURDIR)/$$plugin"; \
	  $(BIN)/mypy --config-file "$(CURDIR)/pyproject.toml" --cache-dir "$(CURDIR)/.mypy_cache" .; done
	@set -e; for plugin in $(FOREIGN); do echo "mypy $$plugin"; cd "$(CURDIR)/$$plugin"; $(BIN)/mypy; done

tests: $(VENV)/tested
	@$(BIN)/dialogctl models fetch
	@$(BIN)/python -m contrib.quality fetch
	@$(BIN)/pytest

docs: $(VENV)/tested  ## check that nothing is undocumented and that every snippet runs
	@$(BIN)/pytest tests/test_docs.py tests/test_snippets.py

bench: $(VENV)/installed  ## measure, in a few minutes; see contrib/bench
	@$(BIN)/python -m contrib.bench --quick

clean:  ## remove the environment and every cache
	rm -rf $(VENV) .nox .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "dialog needs Python 3.11 or newer, and '$(PYTHON)' is not; name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --disable-pip-version-check install -qq --upgrade "pip>=25.1"

$(VENV)/installed: $(VENV)/bin/python $(MANIFESTS)
	@echo "installing the core and $(words $(PLUGINS) $(FOREIGN)) plugins into $(VENV)"
	@$(PIP) $(EDITABLE)
	@touch $@

$(VENV)/demo: $(VENV)/bin/python pyproject.toml $(DEMO:%=%/pyproject.toml)
	@echo "once: installing the core and what the demo needs into $(VENV)"
	@$(PIP) -e . $(DEMO:%=-e ./%)
	@echo "once: fetching the speech recogniser's model"
	@$(BIN)/dialogctl models fetch
	@touch $@

$(VENV)/tested: $(VENV)/installed
	@echo "installing what the tests need"
	@$(PIP) --group lint --group types --group test --group certify
	@touch $@
