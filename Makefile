# Twinplane. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
BIN := .venv/bin
STATIC := src/twinplane/control_plane/static

help: ## Show what make can do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

up: install-up ## Start the mesh on this machine: the local data plane and the Management App
	@exec $(BIN)/twinplane up $(ARGS)

demo: install-up ## Walk the whole journey without a person, on a fresh state folder and free ports
	@exec $(BIN)/twinplane demo $(ARGS)

test: install-dev ## Everything CI runs: style, types, architecture, web, all tests
	@$(MAKE) --no-print-directory lint test-web
	@$(BIN)/pytest -n 2 --dist loadscope

lint: ## Style, types and the import contracts
	$(BIN)/ruff format --check src tests bench examples
	$(BIN)/ruff check src tests bench examples
	$(BIN)/mypy
	$(BIN)/lint-imports

test-web: web/node_modules/.installed ## Web: types, style, unit tests
	cd web && npx tsc -b && npx biome check . && npx vitest run

bench: install-dev ## Measure: start-up, AWS calls next to moto_server, governed SQL next to raw DuckDB, the journey
	@$(BIN)/python -m bench $(ARGS)

soak: install-dev ## The long forms of the crash and memory tests (minutes to hours)
	@TWINPLANE_SOAK=1 $(BIN)/pytest -n 2 -m soak

web: $(STATIC)/index.html ## Build the web app into the package

format: ## Rewrite the code in the house format
	$(BIN)/ruff format src tests bench examples && $(BIN)/ruff check --fix src tests bench
	cd web && npx biome check --write .

openapi: ## Write web/openapi.json and the web's API types from the Management App
	$(BIN)/python -m twinplane.control_plane.openapi > web/openapi.json
	cd web && npm run --silent types

pages: ## Write the pages of docs/ that are made from the code
	$(BIN)/python -m tests.data_plane.datazone.operations_page

clean: ## Remove what was installed and built (never a state folder)
	rm -rf .venv .tools web/node_modules $(STATIC)

# --- what the targets above need -------------------------------------------------------------------------------

.tools/bin/uv:
	@python3 -m venv .tools
	@.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# The web build and the Python installation need nothing of each other: they run side by side.
install-up: $(filter .tools/bin/uv,$(UV))
	@$(MAKE) --no-print-directory -s -j2 $(STATIC)/index.html .venv/.up-installed

install-dev: $(filter .tools/bin/uv,$(UV))
	@$(MAKE) --no-print-directory -s -j2 $(STATIC)/index.html .venv/.dev-installed

.venv/.up-installed: pyproject.toml uv.lock
	@echo "Installing: the first time takes a minute or two."
	@test -e .venv/.dev-installed -a .venv/.dev-installed -nt uv.lock || $(UV) sync --quiet --frozen --extra studio --extra sample --no-dev
	@touch $@

.venv/.dev-installed: pyproject.toml uv.lock
	@$(UV) sync --quiet --frozen --all-extras --all-groups
	@touch $@

web/node_modules/.installed: web/package-lock.json
	@cd web && npm ci --silent --no-audit --no-fund
	@touch $@

$(STATIC)/index.html: web/node_modules/.installed web/index.html web/vite.config.ts $(shell find web/src -type f 2>/dev/null)
	@cd web && npx vite build --logLevel warn

.PHONY: help up demo test lint test-web bench soak web format openapi pages clean install-up install-dev
