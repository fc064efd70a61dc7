# Every target sets up what it needs: .venv of this checkout, and ffmpeg from the system's packages where it is missing.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
export PYTHON
PRISM := github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0

.PHONY: demo test test-all prism prism-if-go lint docs bench release clean

demo: .venv/base
	$(BIN)/python -m benchmarks.demo

test: lint docs prism-if-go
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: lint docs prism-if-go
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
	$(BIN)/codespell

# The documentation as a site, in site/. A link or an anchor that leads nowhere is an error.
docs: .venv/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# The figures of README and docs. CLIPTRACE_FOOTAGE and CLIPTRACE_ANNOTATIONS name the footage; without, the clips in tests/data.
bench: .venv/dev
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.harness.readme

# Wheel and source archive of what is committed, and its tag. Nothing is pushed.
release: .venv/dev
	@test -z "$$(git status --porcelain)" || { echo "make release: commit or remove first what git status shows"; exit 1; }
	@version=$$($(BIN)/python -c 'from cliptrace.schemas import __version__; print(__version__)') && \
	{ grep -qE "^## $$version \([0-9]{4}-[0-9]{2}-[0-9]{2}\)$$" CHANGELOG.md || \
	  { echo "make release: CHANGELOG.md needs a section '## $$version (YYYY-MM-DD)'"; exit 1; }; } && \
	{ ! git rev-parse --quiet --verify "refs/tags/v$$version" >/dev/null || \
	  { echo "make release: there is a tag v$$version; set another version in schemas/__init__.py"; exit 1; }; } && \
	rm -rf dist && $(BIN)/python -m build --outdir dist && \
	git tag --annotate "v$$version" --message "cliptrace $$version" && \
	echo "dist/ has wheel and source archive; to publish the tag: git push origin v$$version"

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
	rm -rf .venv demo-out bench-out build dist site *.egg-info
