# `make run` reproduces the main table on the built-in corpus, `make real` on real text; `make test` runs
# every test.
PYTHON ?= python3
VENV ?= .venv
CORES ?= $(shell nproc)
# the folder of results that disk-use and clean-work look at
RESULTS ?= results
# of the report
DATASET ?= builtin
# cpu, or cuda for the CUDA build of torch
TORCH ?= cpu

# this checkout's package, also where the environment was made by another one
export PYTHONPATH := $(CURDIR)/src
BIN = $(VENV)/bin
PIP = $(BIN)/pip --disable-pip-version-check --quiet
PINNED = grep -E '^$(1)==' requirements.lock
CPU_BUILDS = --extra-index-url https://download.pytorch.org/whl/cpu --retries 1 --timeout 15
EXCEPT_TORCH = grep -v -E '^(torch|fairseq-fixed)=='

.PHONY: run real report test chaos check lock clean clean-work disk-use

run: $(VENV)/installed
	$(BIN)/snakemake --cores $(CORES)
	@cat results/builtin/tables/test/*.bleu.md
	@$(MAKE) --no-print-directory report VENV=$(VENV)

# real text in 25 languages, from Debian packages
real: $(VENV)/installed
	$(BIN)/snakemake --cores $(CORES) --configfile config/software.yaml
	@cat results/software/tables/test/*.nll.md
	@$(MAKE) --no-print-directory report VENV=$(VENV) DATASET=software CONFIG=config/software.yaml

# of what is there; of another dataset: make report DATASET=ec30 CONFIG=config/ec30.yaml
report: $(VENV)/installed
	$(BIN)/snakemake $(if $(CONFIG),--configfile $(CONFIG)) --report results/$(DATASET)/report.html --quiet all
	@echo "the report is results/$(DATASET)/report.html"

test: $(VENV)/installed
	$(BIN)/python -m pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder \
		--max-worker-restart 0 --durations 30

# a run of the built-in corpus that is killed again and again, beside an undisturbed one; an hour
chaos: $(VENV)/installed
	$(BIN)/python -m pytest -m long -s -o faulthandler_timeout=0 tests/workflow/test_chaos.py

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy
	$(BIN)/snakemake --lint

# the programs of an environment contain its path: after a move, it is installed anew
ifneq ($(shell cat $(VENV)/installed 2>/dev/null),$(abspath $(VENV)))
.PHONY: $(VENV)/installed
endif

# fairseq-fixed is built against the torch that is there: pip's build isolation would fetch another
$(VENV)/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13) and "Python 3.11 or 3.12 is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(call PINNED,torch) | $(PIP) install $(if $(filter cuda,$(TORCH)),,--no-deps $(CPU_BUILDS)) -r /dev/stdin
	$(EXCEPT_TORCH) requirements.lock | $(PIP) install --no-deps -r /dev/stdin
	$(call PINNED,fairseq-fixed) | $(PIP) install --no-deps --no-build-isolation -r /dev/stdin
	$(PIP) install --no-deps --no-build-isolation -e .
	echo $(abspath $(VENV)) > $@

# resolve requirements.in anew in an environment of its own, pin what came out
lock:
	$(PYTHON) envs/pin.py --resolve

# what each stage of each dataset takes, and the work folders of trainings in it
disk-use:
	@du -ch --apparent-size --max-depth=1 $(RESULTS)/*/ | sort -k2
	@find $(RESULTS) -type d -name 'work-*' -exec du -sh --apparent-size {} +

# work folders of trainings that were killed and will not be run again
clean-work: $(VENV)/installed
	$(BIN)/python -m neuron_specialization.workflow.work_folders $(RESULTS)

clean:
	rm -rf results .snakemake
