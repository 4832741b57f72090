.PHONY: test lint format

.venv/.ready: requirements/development.txt pyproject.toml
	python3 -m venv .venv-setup && .venv-setup/bin/pip install -q uv
	.venv-setup/bin/uv venv -q --allow-existing --python 3 .venv
	.venv-setup/bin/uv pip install -q --python .venv/bin/python --require-hashes -r requirements/development.txt
	.venv-setup/bin/uv pip install -q --python .venv/bin/python --no-deps -e .
	touch $@

test: .venv/.ready lint
	.venv/bin/pytest

lint: .venv/.ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: .venv/.ready
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
