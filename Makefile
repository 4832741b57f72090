.PHONY: run test lint format web e2e schemas locks wheel bench clean

PYTHON ?= python3
BIN := .venv/bin
WEB := $(BIN)/python scripts/build_web.py

run: ## Set everything up, run the example once, and open it
	@$(PYTHON) scripts/setup.py run
	@echo "• building the page" && $(WEB)
	@$(BIN)/neurectomy serve examples/stdlib --example

test: lint web ## Set up everything that tests need, and pass all of them
	$(BIN)/python -m neurectomy.server.export --check
	$(WEB) exec vitest run
	$(BIN)/pytest
	$(WEB) exec playwright test

lint: .venv/.ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(WEB) exec oxlint --deny-warnings src e2e
	$(WEB) exec tsc -b

.venv/.ready-test: requirements/development.txt pyproject.toml
	$(PYTHON) scripts/setup.py test

web: .venv/.ready-test
	$(WEB)

format: .venv/.ready-test ## Bring the sources into their form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: .venv/.ready-test ## Write schemas/ and the page's types
	$(BIN)/python -m neurectomy.server.export

locks: ## Lock the dependencies again
	scripts/lock

wheel: web ## Build the wheel, the page inside
	.venv-setup/bin/uv build --wheel

bench: .venv/.ready-test ## Measure us and the peers on the same work
	$(BIN)/python -m bench

clean: ## Remove what was built; .venv and node_modules stay
	rm -rf dist src/neurectomy/server/web web/test-results .pytest_cache .mypy_cache .ruff_cache
