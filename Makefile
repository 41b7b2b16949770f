# make book [PROFILE=quick|plan|paper|smoke] [DEVICE=cpu|cuda]     execute the notebooks, build the book
#      [PARAMS="-p noise strokes -p datasets mine.npz"]                  with parameters, for the chapters that have them
# make test                                                               lint, module tests, notebooks, the book in a browser
# make test-long                                                          10,000 damaged inputs a reader, a storm of 50 kills, a real SLURM, make book
# make offline-kit [PYTHON_THERE=3.12]                                     pack all that a GPU machine without network lacks
# make import-results FROM=results.zip                                    take home what was made there
# make grid [JOBS=2] [ON=slurm] [PARAMS="-p seeds 0,1 -p controls True"]  one job a network, here or on a cluster; then make book
# make lab                                                              the explorer, live, in JupyterLab
# make bench [DEVICE=cpu|cuda]                                            our speed against plain loops
# make env | clean
# make plan [PROFILE=...] [DEVICE=...]                                    what it would cost, before anything runs
# make lock                                                             the hashes of what is pinned, after a change
# Each line of a recipe is a shell of its own, so that macOS's make 3.81 does the same.
SHELL := bash
.DELETE_ON_ERROR:
.SILENT:
.PHONY: book notebooks html test test-long lint env lab grid plan bench lock offline-kit import-results clean

PYTHON ?= python3
VENV ?= .venv
PROFILE ?= quick
DEVICE ?= cpu
PYTHON_THERE ?= 3.12
FROM ?= results.zip
JOBS ?= 2
ON ?=
PARAMS ?=
OPTIONS ?=
export FROM PARAMS  # whatever stands in them, blanks and quotes too
export PATH := $(abspath $(VENV))/bin:$(PATH)
export PYTHONUNBUFFERED := 1
# This folder's module, and no packages of the user's.
export PYTHONPATH := $(CURDIR)

book: html

env: $(VENV)/.installed

# Where .venv was moved, copied, or its Python is another now, it is set up again: packages stay.
PIP := python -I own_venv.py install --quiet --disable-pip-version-check
WHERE := -I -c 'import sys; print(sys.prefix, *sys.version_info[:2])'
ifneq ($(shell $(VENV)/bin/python $(WHERE) 2>/dev/null),$(shell cat $(VENV)/.installed 2>/dev/null))
.PHONY: $(VENV)/.installed
endif

# torch first: whichever build is there (CPU or CUDA). All else by its hash.
$(VENV)/.installed: requirements.txt requirements.lock
	$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info[:2] <= (3, 14) or sys.exit("Python 3.11 to 3.14 is needed, for which what is pinned is built; this is %s: make env PYTHON=python3.12" % sys.version.split()[0])'
	$(PYTHON) -m venv $$([ ! -e $(VENV)/pyvenv.cfg ] || $(VENV)/bin/python -c '' 2>/dev/null || echo --clear) $(VENV)
	python -I own_venv.py settle
	$(PIP) "$$(grep '^torch==' requirements.txt)"
	$(PIP) --no-deps --require-hashes -r requirements.lock
	$(PIP) -r requirements.txt
	python -c 'from snnmi.fast import events; events.available()'  # says what a C compiler is worth, if there is none
	python $(WHERE) > $@

# Always executed: what is expensive is in the store, and a page is never older than its numbers. On a CPU two at a time,
# each on half of the cores; a chapter finds what those that it waits for have computed.
CHAPTERS := $(patsubst book/%,executed/%,$(sort $(wildcard book/*.ipynb)))
chapter = $(foreach n,$(1),$(filter executed/$(n)%,$(CHAPTERS)))
.PHONY: chapters $(CHAPTERS)

notebooks: env
	mkdir -p executed/tables
	python -m snnmi.study.asked executed/parameters -p profile $(PROFILE) -p device $(DEVICE) -p tables executed/tables
	$(MAKE) --no-print-directory -j $(if $(filter cpu,$(DEVICE)),2,1) chapters

chapters: $(CHAPTERS)
$(call chapter,03 07 11 12): $(call chapter,02)
$(call chapter,04 05 06 13 14 15): $(call chapter,03)
$(call chapter,08 09): $(call chapter,03 07)
$(call chapter,10): $(call chapter,09)

# A kernel's ports are found before it takes them: where another process was quicker, the chapter is begun once more.
$(CHAPTERS): executed/%.ipynb:
	echo "== book/$*.ipynb (profile $(PROFILE))"
	set -o pipefail; \
	export OMP_NUM_THREADS=$${OMP_NUM_THREADS:-$$(python -c 'import os; print(max(1, os.cpu_count() // 2))')}; \
	execute() { \
		papermill --cwd . --log-output --no-progress-bar -k python3 -f executed/parameters/$*.yml book/$*.ipynb $@ 2>&1 | \
			sed -e 's/^/$*: /' -e "/Kernel didn't respond/w executed/parameters/$*.late"; \
	}; \
	execute || { status=$$?; [ -s executed/parameters/$*.late ] && execute || exit $$status; }

html: notebooks
	rm -rf _build
	jupyter-book build . -W --keep-going --quiet
	echo "The book: $(abspath _build/html/index.html)"

lint: env
	ruff check .
	ruff format --check .
	nbstripout --verify --keep-id book/*.ipynb

# JupyterLab at the explorer: run all cells, then "Draw new samples".
lab: $(VENV)/.lab
	jupyter lab book/06_reconstructions.ipynb

# What only `make lab` and `make grid` need.
$(VENV)/.%: requirements-%.lock $(VENV)/.installed
	$(PIP) --no-deps --require-hashes -r $<
	touch $@

# Each job is a chapter with the parameters of one network (Snakefile); what it stores, `make book` shows. "-y {}" is nothing
# more: Snakemake takes quotes off the ends of a text.
grid: $(VENV)/.grid
	$(if $(CONFIG),$(error CONFIG is not read any more: say PARAMS="-p seeds 0,1 -p controls True"))
	snakemake $(if $(ON),--profile grid/$(ON) --jobs $(JOBS),--cores $(JOBS) --resources gpu=1 --rerun-incomplete --keep-going) --config profile=$(PROFILE) device=$(DEVICE) params="$$PARAMS -y {}" $(OPTIONS)

# Of every pinned package the SHA-256 of every file that its release has, for all Pythons; not of those of which each
# machine has its own build.
lock: env
	$(PIP) uv
	for pinned in requirements requirements-lab requirements-grid; do \
		grep -vE '^(torch|triton)==' $$pinned.txt | uv pip compile --quiet --no-deps --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --output-file $$pinned.lock - || exit 1; \
	done

# A process a core (at most four), each of one thread: a file's tests stay together, since they share what they build.
test: lint $(VENV)/.lab
	OMP_NUM_THREADS=1 python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-long: env
	SNNMI_LONG=1 python -m pytest tests/test_fuzz.py tests/test_storm.py tests/test_slurm.py tests/test_book.py

plan: env
	python -m snnmi.study.cost $(PROFILE) --device $(DEVICE)

bench: env
	python bench.py --device $(DEVICE)

offline-kit: env
	python -m snnmi.study.offline kit --python $(PYTHON_THERE)

import-results: env
	python -m snnmi.study.offline bring "$$FROM"

clean:
	rm -rf _build build executed .pytest_cache .ruff_cache
