# make demo: the whole flow on the embedded default; make test: the tests; make check: the linters;
# make bench: speed and memory beside peers; make rehearse: the paper's configs on small stand-ins;
# make test-chaos: a small run killed, starved of disk, damaged and doubled at drawn moments.
# Each sets itself up in .venv first; a second call sets nothing up again.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
CONFIG ?= config/demo.yaml
# Commands read it from the environment, as "$$CONFIG": whatever it is called, it is one file.
export CONFIG
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Nothing of the environment's packages may shadow the pinned ones.
export PYTHONNOUSERSITE := 1

.PHONY: help demo run report data test test-cluster test-chaos rehearse bench check format config-docs clean

help:
	@sed -n 's/^# make/make/p' Makefile
	@echo "make run CONFIG=config/minilm.yaml   any other run"

demo: CONFIG := config/demo.yaml
demo: run

# Unlocking first, if no Snakemake works here, is what lets a killed run go on with the same command.
# The check comes before Snakemake, which would run code in a config before it reads the workflow.
run: $(VENV)/.installed
	starbench config --config "$$CONFIG"
	starbench unlock
	snakemake --quiet rules --configfile "$$CONFIG"
	folder=$$(starbench config --config "$$CONFIG" --show folder); \
	    snakemake --configfile "$$CONFIG" --report "$$folder/report.html" --quiet all
	@echo
	@starbench report --config "$$CONFIG" --show

data: $(VENV)/.installed
	starbench config --config "$$CONFIG"
	snakemake data --configfile "$$CONFIG"

# Each process takes whole files of tests: what a file prepares is prepared once.
test: $(VENV)/.installed-dev
	pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(PYTEST_FLAGS)

# Speed and memory beside peers, into results/bench; the demo's share of arithmetic if it was run.
bench: $(VENV)/.installed-dev
	python -m benchmarks

# The paper's config whole, an ablation and the released models: the real files, with smaller numbers,
# on stand-ins of all that they fetch; a quarter of an hour on two cores.
rehearse: $(VENV)/.installed-dev
	python -m tests.rehearsal.rehearse

# As root, with slurmctld, slurmd, slurm-client and munge installed.
test-cluster: $(VENV)/.installed-dev
	rm -rf results/test-cluster
	STARBENCH_TEST_CLUSTER=1 bash tests/cluster/with_slurm.sh results/test-cluster \
	    pytest $(PYTEST_FLAGS) tests/cluster

# On a quiet machine; as root also with full disks. STARBENCH_CHAOS_SEED repeats the draws of a call.
test-chaos: $(VENV)/.installed-dev
	STARBENCH_TEST_CHAOS=1 pytest -s $(PYTEST_FLAGS) tests/chaos

check: $(VENV)/.installed-dev
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	hadolint Dockerfile
	snakemake --lint --configfile config/demo.yaml
	starbench config --config config/demo.yaml
	starbench config --config config/minilm.yaml
	starbench config --config config/paper.yaml
	starbench config --config config/released.yaml
	starbench config --config config/from-released-smae.yaml
	for file in config/paper/*.yaml; do starbench config --config config/paper.yaml $$file; done

format: $(VENV)/.installed-dev
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

config-docs: $(VENV)/.installed
	starbench config --write-docs config

$(VENV)/.installed: envs/requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -r envs/requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed envs/requirements-dev.lock
	$(PIP) install --quiet -r envs/requirements-dev.lock
	touch $@

clean:
	rm -rf results/demo .snakemake
