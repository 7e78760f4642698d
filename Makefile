# One command per chore, the same on a laptop and in CI. The files in .venv/ that end in .stamp say
# what is installed, so that a second run installs nothing.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run install test e2e bench soak chaos load hold fuzz test-train test-batch lint types lock audit sbom clean

help:  ## Show what there is
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

.venv/base.stamp: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

.venv/test.stamp: .venv/base.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

.venv/train.stamp: .venv/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train]'
	touch $@

.venv/batch.stamp: .venv/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[batch]'
	touch $@

.venv/dev.stamp: .venv/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

.venv/e2e.stamp: .venv/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[e2e]'
	touch $@

.venv/bench.stamp: .venv/base.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	touch $@

run: .venv/base.stamp  ## Install what is missing and start the app on http://127.0.0.1:8501
	$(BIN)/python -m streamlit run app.py

install: .venv/base.stamp  ## Install what the app needs into .venv

test: .venv/test.stamp  ## Run the tests (those of training skip without the extra: train)
	$(BIN)/python -m pytest

e2e: .venv/e2e.stamp  ## Run the tests in a real browser (needs Debian's chromium, or CHROMIUM=path)
	$(BIN)/python -m pytest -m e2e tests/e2e

bench: .venv/bench.stamp  ## Time every stage here; prints a table and keeps a dated file
	$(BIN)/python -m benchmarks.pictures

soak: .venv/bench.stamp .venv/e2e.stamp  ## Watch the live page in a real browser for ten minutes
	$(BIN)/python -m benchmarks.live --minutes 10

chaos: .venv/test.stamp  ## Kill recorders at random and look at what is left
	$(BIN)/python -m benchmarks.chaos

load: .venv/test.stamp  ## Twenty recorders at once into SQLite and PostgreSQL
	$(BIN)/python -m benchmarks.recorders

hold: .venv/test.stamp .venv/e2e.stamp  ## Damaged files, a crowd, killed recorders, a network that counts: one table
	$(BIN)/python -m benchmarks.hold

MUTANTS ?= 1000000
SEED ?= 0
fuzz: .venv/test.stamp  ## Read a million damaged files (MUTANTS=how many SEED=which)
	$(BIN)/python -m benchmarks.fuzz --mutants $(MUTANTS) --seed $(SEED)

test-train: .venv/train.stamp  ## Run the tests of training alone (installs PyTorch)
	$(BIN)/python -m pytest tests/test_training.py

test-batch: .venv/batch.stamp  ## Run the tests of batches on Ray (installs Ray)
	$(BIN)/python -m pytest tests/test_ray.py

lint: .venv/dev.stamp  ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev.stamp .venv/train.stamp  ## Check types (installs PyTorch, whose types it reads)
	$(BIN)/mypy

lock: .venv/dev.stamp  ## Pin the runtime dependencies anew
	(head -n 2 requirements.txt; $(BIN)/uv pip compile --quiet pyproject.toml --universal \
	  --generate-hashes --python-version 3.11 --no-annotate --no-header) > requirements.new
	mv requirements.new requirements.txt

# Without --strict a library that the service does not know counts as sound.
audit: .venv/dev.stamp  ## Look up known vulnerabilities of what is pinned (asks pypi.org)
	mkdir -p build && rm -f build/audit.txt
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements.txt \
	  --progress-spinner off --output build/audit.txt || { if test -s build/audit.txt; \
	  then cat build/audit.txt; else echo "audit: nothing was looked up, for the reason above; it needs" \
	  "pypi.org itself, as a mirror has no vulnerabilities. No library was found to be sound."; fi; \
	  exit 1; }

sbom: .venv/dev.stamp  ## Write what is pinned as a CycloneDX file: build/sbom.cdx.json
	mkdir -p build
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
	  --output-format JSON --output-file build/sbom.cdx.json requirements.txt

clean:  ## Remove .venv and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build dist
