# The two commands a newcomer needs: `make demo` and `make test`. Both make their own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint browser clean

demo: $(VENV)/.installed
	$(BIN)/cfl-jobs update --home build/demo --yes
	$(BIN)/cfl-jobs graph --home build/demo
	$(BIN)/cfl-jobs rehearse --home build/demo

# Where Python may not keep what it compiled, each worker and each run of cfl-jobs compiles it again.
test: $(VENV)/.installed lint
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/shellcheck templates/scripts/*.sh cfl_jobs/bootstrap/files/*.sh cfl_jobs/sample/repositories/*/*.sh .ci/run findings/*.sh

# The review's page is tested in a real browser. Without one these tests are skipped, and say so.
browser:
	$$(test "$$(id -u)" = 0 || echo sudo) apt-get update
	$$(test "$$(id -u)" = 0 || echo sudo) apt-get install -y --no-install-recommends chromium chromium-driver

# pip would leave what it fetched in the user's home.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cfl-jobs needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-cache-dir --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build
