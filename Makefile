# Every target sets up what it needs: .venv of this checkout, and ffmpeg from the system's packages where it is missing.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
export PYTHON
PRISM := github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0

.PHONY: demo test test-all prism prism-if-go lint bench clean

demo: .venv/base
	$(BIN)/python -m benchmarks.demo

test: lint prism-if-go
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: lint prism-if-go
	$(BIN)/python -m pytest -n 2

# Beam's Prism runner, on which jobs stream on one machine.
prism: $(BIN)/prism

prism-if-go: .venv/base
	@test -x $(BIN)/prism || { command -v go >/dev/null && $(MAKE) --no-print-directory prism; } || echo "no Prism runner: its tests are skipped"

$(BIN)/prism: | .venv/base
	@command -v go >/dev/null || { echo "make prism needs Go (https://go.dev/dl); a prism that is there already is named by CLIPTRACE_PRISM"; exit 1; }
	GOBIN=$(CURDIR)/$(BIN) go install $(PRISM)

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The figures of the README. CLIPTRACE_FOOTAGE and CLIPTRACE_ANNOTATIONS name the footage; without, the clips in tests/data.
bench: .venv/dev
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.harness.readme

.venv/base: pyproject.toml deploy/system-packages.sh
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cliptrace needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@deploy/system-packages.sh
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/dev: .venv/base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv demo-out bench-out build *.egg-info
