# What there is to do here. `make demo` and `make test` need nothing but Python 3.11 and make.
PYTHON ?= python3
VENV := .venv
# LangChain without LlamaIndex, and with openai 3: what LangChain's users have.
VENV_LANGCHAIN := .venv-langchain
BIN := $(VENV)/bin
CODE := globalapi_core langchain_globalapi llamaindex_globalapi
PIP := -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test test-both test-langchain check lint types contracts format generated bench clean

help: ## Say what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/demo.installed ## Run the same pipeline in both frameworks: no key, no question asked
	@$(BIN)/globalapi demo

test: test-both test-langchain ## Run all tests

test-both: $(VENV)/tests.installed ## Run the tests with both frameworks installed
	$(BIN)/python -m pytest -n auto

test-langchain: $(VENV_LANGCHAIN)/tests.installed ## Run LangChain's tests without LlamaIndex, with openai 3
	$(VENV_LANGCHAIN)/bin/python -m pytest -n auto tests/langchain tests/sandbox tests/test_architecture.py

check: lint types contracts test ## Run everything CI runs

lint: $(VENV)/tests.installed ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/tests.installed ## Check types
	$(BIN)/mypy

contracts: $(VENV)/tests.installed ## Check who imports whom
	$(BIN)/lint-imports --no-logo

format: $(VENV)/tests.installed ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generated: $(VENV)/tests.installed ## Make the generated files anew: catalog.json, config.schema.json
	$(BIN)/python scripts/build_catalog.py
	$(BIN)/python scripts/build_schema.py

bench: $(VENV)/tests.installed ## Measure what importing costs, beside the openai SDK
	$(BIN)/python benchmarks/imports.py

clean: ## Remove the environments and caches
	rm -rf $(VENV) $(VENV_LANGCHAIN) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/bin/python $(VENV_LANGCHAIN)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name one: make PYTHON=python3.12"; exit 1; }
	@echo "making $(@D:/bin=) ..."
	@$(PYTHON) -m venv $(@D:/bin=)
	@$@ $(PIP) --upgrade 'pip>=25.1'

$(VENV)/demo.installed: pyproject.toml | $(VENV)/bin/python
	@echo "installing LangChain, LlamaIndex and this package into $(VENV): a minute or two ..."
	@$(BIN)/python $(PIP) --editable '.[demo]'
	@touch $@

$(VENV)/tests.installed: pyproject.toml | $(VENV)/bin/python
	@echo "installing this package and what its tests need into $(VENV): a minute or two ..."
	@$(BIN)/python $(PIP) --editable '.[all]' --group dev
	@touch $@ $(VENV)/demo.installed

$(VENV_LANGCHAIN)/tests.installed: pyproject.toml | $(VENV_LANGCHAIN)/bin/python
	@echo "installing this package with LangChain alone into $(VENV_LANGCHAIN): a minute ..."
	@$(VENV_LANGCHAIN)/bin/python $(PIP) --editable '.[langchain]' --group tests-langchain
	@touch $@
