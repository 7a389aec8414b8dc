# make demo: everything from nothing. make test: all tests except those that need SLURM. Both do their own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CORES ?= $(shell nproc)
PYTHON ?= python3
VENV := .venv
LOCK := envs/requirements.lock
READY := $(VENV)/ready
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Compiled modules make every start two to three times faster.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo small checkpoints narrow playground playground_narrow cifar full data status script cost prune show audit diff \
  export release front test test-slurm mutants bench-train bench-score bench-records lint setup latex browser strace lock

demo small checkpoints narrow playground playground_narrow cifar full: setup latex
	@workflow/run.sh $(CORES) $@

# What there is of the data, what is missing, and where it comes from; of one edition: make data EDITION=small
data: setup
	@PYTHONPATH=workflow python -m ood.jobs.inventory $(EDITION)

# What is fresh, stale (why), missing or failed, and the hours left; of one edition: make status EDITION=demo
status: setup
	@PYTHONPATH=workflow python -m ood.jobs.status $(EDITION)

# What in results/ belongs to nothing in config.yaml; to remove it: make prune CONFIRM=1
prune: setup
	@PYTHONPATH=workflow python -m ood.jobs.prune $(if $(filter 1,$(CONFIRM)),--remove)

# What is left to do as one shell script, for a GPU machine without Snakemake or a network: make script TARGET=cifar10 > it.sh
script: setup
	@PYTHONPATH=workflow python -m ood.jobs.script $(TARGET)

# Hours by stage that this run took, by its records, and those of the papers' own benchmarks, extrapolated.
cost: setup
	@PYTHONPATH=workflow python -m ood.jobs.cost

# Where a printed number comes from: make show CELL="GAIA-S-T3/q=0.5/digits letters AUROC" EDITION=demo
show: setup
	@$(if $(CELL),,$(error Name a number by its id: make show CELL="GAIA-S-T3/q=0.5/digits letters AUROC"))
	@PYTHONPATH=workflow python -m ood.audit show "$(CELL)" $(EDITION)

# Is everything as the records say, every number again from the scores? Scores of three cells, always the same three, again
# from the images too: make audit RERUN=3
audit: setup
	@failed=0; PYTHONPATH=workflow python -m ood.audit verify $(EDITION) $(if $(RERUN),--rerun $(RERUN)) || failed=1; \
	PYTHONPATH=workflow python -m ood.audit released || failed=1; exit $$failed

# Which numbers of two runs differ, and why: make diff OLD=folder NEW=folder
diff: setup
	@PYTHONPATH=workflow python -m ood.audit diff "$(OLD)" "$(or $(NEW),.)"

# A run with its records as a Workflow Run RO-Crate, to be verified elsewhere: make export TO=demo.zip EDITION=demo
# without the scores: CONTENT=numbers; with images, weights and features: CONTENT=whole; code edited since: STALE=1
export: setup
	@PYTHONPATH=workflow python -m ood.audit export "$(TO)" $(EDITION) $(if $(CONTENT),--content $(CONTENT)) \
	  $(if $(filter 1,$(STALE)),--stale)

# Keep such a file in results/released, if it is as its records say: make release FROM=demo.zip NAME=digits
release: setup
	@PYTHONPATH=workflow python -m ood.audit release "$(FROM)" "$(NAME)"

# The front page of README.md, from what is kept in results/released.
front: setup
	@PYTHONPATH=workflow python -m ood.front

# In two processes, as one alone does not keep two cores busy; both look at one finished run of the workflow.
test: setup latex browser strace
	@export FINISHED_RUN=$$(mktemp -d); trap 'rm -rf $$FINISHED_RUN' EXIT; \
	python -m pytest tests/workflow/test_[a-p]*.py & runs=$$!; failed=0; \
	python -m pytest tests/detectors tests/unit tests/workflow/test_[q-z]*.py || failed=1; \
	wait $$runs || failed=1; exit $$failed

# The workflow on a SLURM cluster that is installed and brought up on this machine (root, Debian or Ubuntu), with what
# clusters do to it.
test-slurm: setup latex
	@python -m pytest $(or $(TESTS),tests/slurm)

# Faults planted one at a time into detectors, metrics, claims, the audit and the front page: does a test catch each?
mutants: setup
	@python tests/mutants/run.py

# Images per second of the training loop, beside those of the conventional one.
bench-train: setup
	@PYTHONPATH=workflow python tests/bench/train.py

# What scores cost in forward passes, beside the released code's way and pytorch-ood.
bench-score: setup
	@PYTHONPATH=workflow python tests/bench/score.py
	@PYTHONPATH=workflow python tests/bench/deep.py

# What collecting the records of a finished run takes, beside what its jobs took.
bench-records: setup
	@PYTHONPATH=workflow python tests/bench/records.py

lint: setup
	@ruff check . && ruff format --check . && snakefmt --check workflow && snakemake --lint

setup: $(READY)

# What is said of the set-up goes to stderr: stdout is of the target, which may go into a file (make script).
$(READY): $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@echo "Setting up $(VENV) from $(LOCK) (6 GB, once) ..." >&2
	@$(PYTHON) -m venv $(VENV) >&2 || { echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@sed -n '/^uv==/,/[^\\]$$/p' $(LOCK) > $(VENV)/uv.lock
	@$(VENV)/bin/python -m pip install -q --require-hashes --no-deps -r $(VENV)/uv.lock >&2
	@VIRTUAL_ENV=$(VENV) uv pip sync -q --require-hashes $(LOCK) >&2
	@$(VENV)/bin/python -m compileall -q -j0 $(VENV)/lib > /dev/null || true
	@touch $@

# LaTeX, and for the tests a browser and strace, come from the system: installed on Debian and Ubuntu by root or
# password-less sudo.
latex:
	@envs/apt.sh latexmk "latexmk texlive-latex-recommended lmodern" "No LaTeX, so no PDF; all else is made." >&2

browser:
	@envs/apt.sh chromium chromium "No Chromium, so what pages do in a browser is not tested." >&2

strace:
	@envs/apt.sh strace strace "No strace, so what jobs read beside their inputs is not tested." >&2

# After a change of pyproject.toml: resolve again, and write what is generated from the lock.
lock:
	@uv pip compile -q --universal --python-version 3.11 --group dev --generate-hashes --no-header --no-annotate \
	  pyproject.toml -o $(LOCK)
	@python envs/generate.py
