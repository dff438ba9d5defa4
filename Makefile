# make demo: the whole flow on the embedded default; make test: the tests; make check: the linters;
# make bench: speed and memory beside peers.
# Each sets itself up in .venv first; a second call sets nothing up again.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
CONFIG ?= config/demo.yaml
RUN = $(shell sed -n 's/^run: *//p' $(CONFIG))
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Nothing of the environment's packages may shadow the pinned ones.
export PYTHONNOUSERSITE := 1

.PHONY: help demo run report data test test-cluster bench check format config-docs lock clean

help:
	@sed -n 's/^# make/make/p' Makefile
	@echo "make run CONFIG=config/minilm.yaml   any other run"

demo: CONFIG := config/demo.yaml
demo: run

# Unlocking first, if no Snakemake works here, is what lets a killed run go on with the same command.
# The check comes before Snakemake, which would run code in a config before it reads the workflow.
run: $(VENV)/.installed
	starbench config --config "$(CONFIG)"
	starbench unlock
	snakemake --quiet rules --configfile $(CONFIG)
	snakemake --configfile $(CONFIG) --report results/$(RUN)/report.html --quiet all
	@echo
	@starbench report --config results/$(RUN)/config.yaml --show

data: $(VENV)/.installed
	starbench config --config "$(CONFIG)"
	snakemake --configfile $(CONFIG) data

test: $(VENV)/.installed-dev
	pytest $(PYTEST_FLAGS)

# Speed and memory beside peers, into results/bench; the demo's share of arithmetic if it was run.
bench: $(VENV)/.installed-dev
	python -m benchmarks

# As root, with slurmctld, slurmd, slurm-client and munge installed.
test-cluster: $(VENV)/.installed-dev
	rm -rf results/test-cluster
	STARBENCH_TEST_CLUSTER=1 bash tests/cluster/with_slurm.sh results/test-cluster \
	    pytest $(PYTEST_FLAGS) tests/cluster

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
