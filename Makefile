# The front door: `make` prints what there is. Needs GNU make 3.81 or newer and bash.

SHELL := bash
.DEFAULT_GOAL := help

## Python that .venv is made from, 3.11 or newer
PYTHON ?= python3
## dataset of `reproduce`; moving-digits is built on the spot
DATASET ?= moving-digits
## size of `reproduce`: smoke, small or paper
PRESET ?= small
## targets of `reproduce`: A6, S7 ...; `.venv/bin/ssvh reproduce --list` shows them; empty takes all
TARGETS ?=
## code lengths of `reproduce`, in one pair of quotes; empty takes those of the table
BITS ?=
## runs per method and code length, each with its own seed; empty takes the number of the table
SEEDS ?=
## runs at a time; empty chooses by cores and device
JOBS ?=
## cpu, cuda or auto
DEVICE ?= auto
## an existing Dask cluster for `reproduce`, such as tcp://host:8786; empty runs here
SCHEDULER ?=
## what `test` runs: the tests, the notebooks, or a file of either
TESTS ?= tests notebooks
## conda, mamba or micromamba, for `env`
CONDA ?= conda

.PHONY: help reproduce check test lint format setup lab inspect notebooks site figures tables bench env clean

help:
	@echo 'Usage: make TARGET [KNOB=value ...]     The first call makes .venv: about 2 GB, some minutes.'
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s  %s\n", $$1, $$2 }' Makefile
	@echo
	@awk '/^## / { text = substr($$0, 4) } \
	    /^[A-Z]+ [?]=/ { value = $$0; sub(/^[A-Z]+ [?]= ?/, "", value); \
	        printf "  %-8s  %-13s  %s\n", $$1, value, text }' Makefile
	@echo
	@echo 'Example: make reproduce DATASET=ucf101 PRESET=paper BITS="16 64" DEVICE=cuda'

reproduce: .venv/.installed ## train what is missing, evaluate, write tables and figures, compare with the papers
	.venv/bin/ssvh reproduce $(TARGETS) --dataset '$(DATASET)' --preset '$(PRESET)' $(BITS:%=--bits %) \
	    --device '$(DEVICE)' $(if $(strip $(SEEDS)),--seeds '$(strip $(SEEDS))') \
	    $(if $(strip $(JOBS)),--jobs '$(strip $(JOBS))') \
	    $(if $(strip $(SCHEDULER)),--scheduler '$(strip $(SCHEDULER))')

# One thread per process: two processes with two torch threads each on two cores are 20 to 40 times slower.
pytest = OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n 2

check: lint ## lint, and run the fast tests: what a change should pass before a commit
	$(pytest) -m 'not slow and not notebook' tests

test: .venv/.installed ## run every test, and every notebook from top to bottom
	$(pytest) --nbval-lax --nbval-current-env --nbval-cell-timeout=120 $(TESTS)

schema = .venv/bin/check-jsonschema --quiet --builtin-schema
lint: .venv/.installed ## check style, likely bugs, spelling, types and workflows, changing nothing
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/codespell
	.venv/bin/mypy
	$(schema) vendor.github-workflows .github/workflows/*
	$(schema) vendor.github-issue-forms .github/ISSUE_TEMPLATE/*
	$(schema) vendor.citation-file-format CITATION.cff

format: .venv/.installed ## lay out the code, and mend what can be mended automatically
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

setup: .venv/.installed ## make .venv, or bring it up to date (the others do this by themselves)
	@echo '.venv is ready: make lab opens the course, .venv/bin/ssvh --help shows the command.'

lab: .venv/.installed ## open the course in JupyterLab, at its first notebook
	.venv/bin/jupyter lab notebooks/00_start_here.ipynb

inspect: .venv/.installed ## open the Grade-Net inspector in the browser: which frames a sampler picks
	.venv/bin/ssvh inspect --dataset '$(DATASET)'

notebooks: .venv/.installed ## run the notebooks and store them; PRESET=paper: on all of moving-digits, in runs/notebooks
	.venv/bin/ssvh notebooks $(if $(filter paper,$(PRESET)),--large --out runs/notebooks)

site: .venv/.installed ## render the course as a site that needs no network: site/index.html
	.venv/bin/ssvh site

figures: .venv/.installed ## draw figures/ again from figures/data/
	.venv/bin/ssvh figures

tables: .venv/.installed ## write the tables in figures/ again from figures/data/
	.venv/bin/ssvh tables

bench: .venv/.installed ## measure speed and memory: scan, loader, evaluation, index …; some 20 minutes on idle cores
	.venv/bin/ssvh bench

env: ## make or update the conda environment `ssvh` from environment.yml, instead of .venv
	@command -v '$(CONDA)' > /dev/null || { echo "There is no command $(CONDA) here." \
	    "Install it, name another (make env CONDA=mamba), or use make setup, which needs none." >&2; exit 1; }
	if $(CONDA) env list | grep -Eq '^[ *]*ssvh '; then $(CONDA) env update -f environment.yml; \
	    else $(CONDA) env create -f environment.yml; fi

WORLDS = moving-digits moving-scenes needle order noisy-screen moving-shapes

clean: ## delete caches, the embedded datasets and the site; your own data, runs/ and .venv stay
	rm -rf $(foreach world,$(WORLDS),data/$(world) data/$(world)-smoke data/$(world)-large) data/still-cnn data/still-cnn-scenes
	rm -rf site screenshots build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis *.egg-info
	find ssvh_lib tests notebooks \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# .venv/.installed is written last and names the folder it was written in. Where it is missing, an installation
# was cut short; where it names another folder, the checkout was moved or copied, and the scripts in .venv still
# point to the old place. Either way .venv is made again from nothing. An update that fails, for want of a network
# say, leaves .venv in use; one that is interrupted does not.
whole = [ -x .venv/bin/python ] && [ "$$(cat .venv/.installed 2> /dev/null)" = '$(CURDIR)' ]
pip = .venv/bin/python -u -m pip install --no-input --disable-pip-version-check

.venv/.installed: pyproject.toml .constraints.txt Makefile $(shell $(whole) || echo broken)
	@found=$$($(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2> /dev/null) || found=; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1 || { \
	    echo "Python 3.11 or newer is needed, but PYTHON=$(PYTHON) is $${found:-no Python that runs here}." >&2; \
	    echo 'Name another one, for example: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12' >&2; exit 1; }
	@if $(whole); then echo 'Updating .venv ...'; mv .venv/.installed .venv/.before; \
	    else echo 'Making .venv with $(PYTHON); of some 200 packages, the large ones are named ...'; \
	    $(PYTHON) -m venv --clear .venv; fi
	@set -o pipefail; trap 'rm -f .venv/.before' INT TERM; { $(pip) --quiet --upgrade pip && \
	    $(pip) --progress-bar off -c .constraints.txt -e '.[dev]' | while IFS= read -r line; do case "$$line" in \
	        *' MB)' | *' GB)') echo "$$line";; \
	        'Installing collected packages: '*) set -- $$line; echo "  Writing $$(($$# - 3)) packages";; \
	    esac; done; } || { [ ! -e .venv/.before ] || mv .venv/.before .venv/.installed; exit 1; }
	@rm -f .venv/.before
	@echo '$(CURDIR)' > .venv/.installed

.PHONY: broken
