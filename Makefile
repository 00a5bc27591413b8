# `make demo` shows the whole pipeline on a tiny embedded voice; `make test` is everything that must pass.
# Both make the environment .venv when there is none, or when pyproject.toml or constraints.txt changed.

# The first of these that runs and is 3.11 or 3.12; name another with `make PYTHON=/path/to/python3.11 ...`.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo plan test quick durations lint types format reference clean-run clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/installed: pyproject.toml constraints.txt
	@if ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then \
		echo "make needs Python 3.11 or 3.12 (the versions that constraints.txt was tested with); found: '$(PYTHON)'." >&2; \
		echo "Install one and try again, or name it: make PYTHON=/path/to/python3.11 demo" >&2; \
		exit 2; \
	fi
	@echo "Installing into .venv (torch and its libraries: about 5.5 GB, a few minutes) ..."
	@rm -f $@
	@"$(PYTHON)" -m venv .venv
	@index="$$($(BIN)/python scripts/torch_for_card.py)"; if [ -n "$$index" ]; then \
		echo "For this NVIDIA card and its driver torch comes from $$index ..."; \
		$(PIP) install --no-compile -c constraints.txt --no-deps --index-url "$$index" torch torchaudio; fi
	@$(PIP) install --no-compile -c constraints.txt -e ".[dev]"
	@$(PIP) install --no-compile -c constraints.txt --no-deps resemblyzer  # one of what it asks for needs a compiler
	@$(BIN)/python -m compileall -q -j 0 -x '[/\\]tests?[/\\]' .venv >/dev/null || true  # what pip does on one core
	@touch $@

demo: .venv/installed ## both phases on the embedded voice, without a GPU; ends with the report's path
	@$(BIN)/run_pipeline --demo

plan: .venv/installed ## what the demo would run, and run nothing
	@$(BIN)/run_pipeline --demo --plan

lint: .venv/installed ## style, formatting, import directions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: .venv/installed ## mypy, strict
	@$(BIN)/mypy

# Three processes for two cores, one thread in each; the tests of a file stay together, as they share what is costly to
# make, and slow files come first (tests/conftest.py). A process that dies is not replaced: with `loadfile` the others
# would wait for it for ever. Compiled modules are kept, also where the environment says no: tests start many processes.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadfile \
	--no-loadscope-reorder --max-worker-restart 0

# The tests run while mypy, which fills one core, reads the package.
test: lint ## lint, types, and all tests
	@$(BIN)/mypy & $(PYTEST); tests=$$?; wait $$! && exit $$tests

quick: lint ## lint, types, and the tests that take a moment: two minutes on two cores
	@$(BIN)/mypy & $(PYTEST) --quick; tests=$$?; wait $$! && exit $$tests

durations: .venv/installed ## measure how long each file of tests takes, for the order of `test` and the choice of `quick`
	@$(PYTEST) --record-durations

format: .venv/installed ## put the code in the form that `make lint` wants
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

reference: .venv/installed ## write docs/reference.md, docs/commands.md and the rules in docs/stopping.md again from the code
	@$(BIN)/python docs/build_reference.py
	@$(BIN)/python docs/build_commands.py

clean-run: ## remove the runs of declarations at the root, the demo's too
	rm -rf run

clean: clean-run ## remove the environment and all caches as well
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
