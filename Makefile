# Each target sets itself up in .venv first; a second call sets nothing up again.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DOCS := .venv-docs
PIP := $(BIN)/pip --disable-pip-version-check
CONFIG ?= config/demo.yaml
WITHIN ?= 30m
# Commands read it from the environment, as "$$CONFIG": whatever it is called, it is one file.
export CONFIG
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Nothing of the environment's packages may shadow the pinned ones.
export PYTHONNOUSERSITE := 1

.PHONY: help demo run data reproduce test test-trials coverage test-cluster test-chaos test-tutorial test-export test-plugins rehearse bench check docs format config-docs docs-tables clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)$$/make \1\t\2/p' Makefile | expand -t 24

demo: CONFIG := config/demo.yaml
demo: run ## run the demo: everything on a generated language, no data needed

# Unlocking first, if no Snakemake works here, is what lets a killed run go on with the same command.
# The check comes before Snakemake, which would run code in a config before it reads the workflow.
run: $(VENV)/.installed ## run another config to its report: make run CONFIG=config/minilm.yaml
	starbench config --config "$$CONFIG"
	starbench unlock
	starbench plan --short --config "$$CONFIG" 2>/dev/null || true
	snakemake --quiet rules --configfile "$$CONFIG"
	folder=$$(starbench config --config "$$CONFIG" --show folder); \
	    snakemake --configfile "$$CONFIG" --report "$$folder/report.html" --quiet all
	@echo
	@starbench report --config "$$CONFIG" --show

data: $(VENV)/.installed ## fetch all that CONFIG needs, before compute nodes without a network run it
	starbench config --config "$$CONFIG"
	snakemake data --configfile "$$CONFIG"

# Nothing that is there is taken for made again: every unit starts in a new folder.
reproduce: $(VENV)/.installed-dev ## make again the claimed numbers that fit WITHIN (30m), and compare them
	starbench reproduce --within "$(WITHIN)"

# Each process takes whole files of tests: what a file prepares is prepared once.
test: $(VENV)/.installed-dev ## run the tests
	pytest --numprocesses auto --maxprocesses 4 --dist loadfile -m "not slow" $(PYTEST_FLAGS)

test-trials: $(VENV)/.installed-dev ## give every bad input of tests/trials to the real commands, the slow ones too
	pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(PYTEST_FLAGS) tests/trials

# Branches in the processes that tests start count, too. It takes about twice as long as `make test`.
coverage: $(VENV)/.installed-dev ## run the tests, and tell which branches of the package they cover
	rm -rf results/coverage
	mkdir -p results/coverage
	coverage run -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(PYTEST_FLAGS)
	coverage combine --quiet
	coverage report

# Speed and memory beside peers, into results/bench; the demo's share of arithmetic if it was run.
bench: $(VENV)/.installed-dev ## measure speed and memory beside peers, into results/bench
	python -m benchmarks

# The paper's config whole, an ablation and the released models: the real files, with smaller numbers,
# on stand-ins of all that they fetch; a quarter of an hour on two cores.
rehearse: $(VENV)/.installed-dev ## run the paper's configs on small stand-ins of all that they fetch
	python -m tests.rehearsal.rehearse

# As root, with slurmctld, slurmd, slurm-client and munge installed.
test-cluster: $(VENV)/.installed-dev ## run the flow through a Slurm that the tests start (root, Debian)
	rm -rf results/test-cluster
	STARBENCH_TEST_CLUSTER=1 bash tests/cluster/with_slurm.sh results/test-cluster \
	    pytest $(PYTEST_FLAGS) tests/cluster

# On a quiet machine; as root also with full disks. STARBENCH_CHAOS_SEED repeats the draws of a call.
test-chaos: $(VENV)/.installed-dev ## kill, starve of disk, damage and double small runs at drawn moments
	STARBENCH_TEST_CHAOS=1 pytest -s $(PYTEST_FLAGS) tests/chaos

# The commands of docs/tutorial.md in a new copy of the checkout.
test-tutorial: $(VENV)/.installed-dev ## work through docs/tutorial.md as a reader does
	STARBENCH_TEST_TUTORIAL=1 pytest -s $(PYTEST_FLAGS) tests/tutorial

# Of a finished demo: results/, or the folder of results that STARBENCH_TEST_EXPORT names.
test-export: $(VENV)/.installed-dev ## load exported sizes with versions 4 to 6 of sentence-transformers and ONNX Runtime
	STARBENCH_TEST_EXPORT="$${STARBENCH_TEST_EXPORT:-results}" pytest -s $(PYTEST_FLAGS) tests/export tests/unit/stages/export

# The page's packages in a virtual environment of their own, which sees this one's packages.
test-plugins: $(VENV)/.installed-dev ## do what docs/add-a-method.md says, from a new package to the table
	STARBENCH_TEST_PLUGINS=1 pytest -s $(PYTEST_FLAGS) tests/plugins

check: $(VENV)/.installed-dev ## run the linters, and check every config and every link
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	hadolint Dockerfile
	snakemake --lint --configfile config/demo.yaml
	pytest -q tests/repository/test_links.py
	starbench config --config config/demo.yaml
	starbench config --config config/families.yaml
	starbench config --config config/minilm.yaml
	starbench config --config config/methods.yaml
	starbench config --config config/banking77.yaml
	starbench config --config config/scratch.yaml
	starbench config --config config/paper.yaml
	starbench config --config config/released.yaml
	starbench config --config config/from-released-smae.yaml
	for file in config/banking77/*.yaml; do starbench config --config config/banking77.yaml $$file; done
	for file in config/demo/*.yaml; do starbench config --config config/demo.yaml $$file; done
	for file in config/scratch/*.yaml; do starbench config --config config/scratch.yaml $$file; done
	for file in config/paper/*.yaml; do starbench config --config config/paper.yaml $$file; done

# Without the network. Every page is read anew: the navigation stands in one page and is shown on all.
docs: $(DOCS)/.installed ## build the site of the docs, and fail for a broken link: site/index.html
	rm -rf site
	$(DOCS)/bin/sphinx-build -q -E --fail-on-warning --keep-going -c docs -d $(DOCS)/doctrees . site
	$(DOCS)/bin/python -m tests.repository.built_site site

format: $(VENV)/.installed-dev ## mend what linters can mend
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

config-docs: $(VENV)/.installed ## write config/README.md and config/schema.json
	STARBENCH_WITHOUT_PLUGINS=1 starbench config --write-docs config

docs-tables: $(VENV)/.installed-dev ## write the tables and numbers of the docs that repeat results/reference
	python -m tests.repository.tables_in_docs

$(VENV)/.installed: envs/requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -r envs/requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed envs/requirements-dev.lock
	$(PIP) install --quiet -r envs/requirements-dev.lock
	touch $@

$(DOCS)/.installed: envs/requirements-docs.lock
	test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/pip --disable-pip-version-check install --quiet -r envs/requirements-docs.lock
	touch $@

clean: ## remove the demo's results
	rm -rf results/demo .snakemake
