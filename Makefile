# One command per chore, the same on a laptop and in CI.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run install test coverage e2e bench soak chaos load hold fuzz screenshots test-lowest test-newest release-check fresh test-train test-batch lint types lock audit sbom dist clean

help:  ## Show what there is
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

# deploy/install.py makes .venv or mends it, and installs what is missing; it takes a tenth of a second
# when nothing is. A Python that was named replaces another one.
INSTALL = $(call need,$(PYTHON)) $(PYTHON) deploy/install.py --goal $@ \
  $(if $(filter file,$(origin PYTHON)),,--this-python)
need = command -v $(1) >/dev/null || { echo "There is no $(1) here. To install it: \
  Debian, Ubuntu: sudo apt install python3 python3-venv; Fedora: sudo dnf install python3; \
  macOS: brew install python" >&2; exit 1; };

run:  ## Install what is missing and start the app on http://127.0.0.1:8501 (PORT=another)
	@$(INSTALL)
	@$(BIN)/python -m ferapp serve $(if $(PORT),--port $(PORT))

install:  ## Install what the app needs into .venv
	@$(INSTALL)

test:  ## Run the tests (those of training skip without the extra: train; TESTS=which)
	@$(INSTALL) test
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(TESTS)

coverage:  ## Run the tests and print which lines nothing ran
	@$(INSTALL) test coverage
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage combine -q
	$(BIN)/python -m coverage report

e2e:  ## Run the tests in a real browser (needs Debian's chromium, or CHROMIUM=path)
	@$(INSTALL) test e2e
	$(BIN)/python -m pytest -m "e2e and not live" --numprocesses 2 --dist loadfile tests/e2e
	$(BIN)/python -m pytest -m "e2e and live" tests/e2e

bench:  ## Time every stage here; prints a table and keeps a dated file
	@$(INSTALL) bench
	$(BIN)/python -m benchmarks.pictures

soak:  ## Watch the live page in a real browser for ten minutes
	@$(INSTALL) bench test e2e
	$(BIN)/python -m benchmarks.live --minutes 10

chaos:  ## Kill recorders at random and look at what is left
	@$(INSTALL) test
	$(BIN)/python -m stress.chaos

load:  ## Twenty recorders at once into SQLite and PostgreSQL
	@$(INSTALL) test
	$(BIN)/python -m stress.recorders

hold:  ## Damaged files, small files with large claims, a crowd, killed recorders, a network that counts: one table
	@$(INSTALL) test e2e
	$(BIN)/python -m stress.hold

screenshots:  ## Take pictures of every page into build/pages, and those of the docs into docs/images (ONLY=word)
	@$(INSTALL) bench test e2e
	$(BIN)/python -m benchmarks.screenshots --only "$(ONLY)"

MUTANTS ?= 1000000
SEED ?= 0
fuzz:  ## Read a million damaged files (MUTANTS=how many SEED=which)
	@$(INSTALL) test
	$(BIN)/python -m stress.fuzz --mutants $(MUTANTS) --seed $(SEED)

# Of make test-lowest and make test-newest.
OLDEST ?= python3.11
NEWEST ?= python3
# uv picks releases; an environment is made anew each time, so that it holds what was picked.
define test-with
	@$(INSTALL) dev
	$(BIN)/uv venv --quiet --seed --clear --python $(2) .venv-$(1)
	$(BIN)/uv pip install --quiet --python .venv-$(1) --resolution $(3) -e '.[test,batch]'
	.venv-$(1)/bin/python -m pytest
endef

test-lowest:  ## Run the tests with the lowest releases that pyproject.toml allows (OLDEST=python3.11)
	$(call test-with,lowest,$(OLDEST),lowest-direct)

test-newest:  ## Run the tests with the newest release of everything (NEWEST=python3)
	$(call test-with,newest,$(NEWEST),highest)

release-check: lint types test test-train test-batch e2e test-lowest test-newest fresh  ## All that a release needs

SYSTEMS ?= bookworm,trixie,sid
fresh:  ## Try what a newcomer does on minimal systems (needs root and debootstrap; SYSTEMS, TESTS=which)
	@$(INSTALL) test
	$(BIN)/python -m benchmarks.fresh --systems $(SYSTEMS) --tests "$(TESTS)"

test-train:  ## Run the tests of training alone (installs PyTorch)
	@$(INSTALL) test train
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal tests/unit/training

test-batch:  ## Run the tests of batches on Ray (installs Ray)
	@$(INSTALL) test batch
	$(BIN)/python -m pytest tests/unit/batch/test_ray.py

lint:  ## Check style, format and spelling
	@$(INSTALL) dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types:  ## Check types (installs PyTorch, whose types it reads)
	@$(INSTALL) test dev train
	$(BIN)/mypy

COMPILE = $(BIN)/uv pip compile --quiet pyproject.toml --universal --generate-hashes \
  --python-version 3.11 --no-annotate --no-header
# For the second file, what the first one has already.
PINNED = $$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.txt)
lock:  ## Pin the runtime dependencies anew
	@$(INSTALL) dev
	(head -n 2 requirements.txt; $(COMPILE)) > requirements.new
	mv requirements.new requirements.txt
	(head -n 2 deploy/requirements-server.txt; $(COMPILE) --extra postgresql --extra login \
	  --constraint requirements.txt $(PINNED)) > requirements.new
	mv requirements.new deploy/requirements-server.txt

# Without --strict a library that the service does not know counts as sound.
audit:  ## Look up known vulnerabilities of what is pinned (asks pypi.org)
	@$(INSTALL) dev
	mkdir -p build && rm -f build/audit.txt
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements.txt \
	  --requirement deploy/requirements-server.txt --progress-spinner off --output build/audit.txt || { if test -s build/audit.txt; \
	  then cat build/audit.txt; else echo "audit: nothing was looked up, for the reason above; it needs" \
	  "pypi.org itself, as a mirror has no vulnerabilities. No library was found to be sound."; fi; \
	  exit 1; }

sbom:  ## Write what is pinned as a CycloneDX file: build/sbom.cdx.json
	@$(INSTALL) dev
	mkdir -p build
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
	  --output-format JSON --output-file build/sbom.cdx.json requirements.txt

dist:  ## Build the sdist and the wheel into dist/, and check them (asks pypi.org for hatchling)
	@$(INSTALL) test dev
	rm -rf dist
	$(BIN)/uv build --quiet --no-create-gitignore
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m pytest tests/policy/test_wheel.py

clean:  ## Remove .venv and caches
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache build dist
