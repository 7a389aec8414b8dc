# What all rules share: the checked configuration, and how a rule says what its job depends on.
import json
import sys

from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)  # the library `ood` lies beside this workflow

from ood import catalogue, closure, detectors
from ood.config import load
from ood.errors import Problem

shell.prefix("set -euo pipefail; export PYTHONPATH=workflow; ")

try:
    CONFIG, DATASETS = load(config), catalogue.datasets()
except Problem as problem:
    raise WorkflowError(str(problem))

BENCHMARKS = list(CONFIG.benchmarks)


wildcard_constraints:
    benchmark="|".join(BENCHMARKS),
    dataset="|".join(DATASETS),
    detector="|".join(CONFIG.detectors),
    seed=r"\d+",


def spec(**values):
    """A job's parameters, as the JSON that its step gets and its record keeps."""
    return json.dumps(values, sort_keys=True)


def code(*modules):
    """Digest of the code that a job runs: the one thing that makes it stale when a module is edited."""
    return closure.digest(*modules)


def sets(benchmark):
    """The benchmark's datasets, the in-distribution one first."""
    return [CONFIG.benchmarks[benchmark].id, *CONFIG.benchmarks[benchmark].ood]


def seeds(benchmark):
    return CONFIG.benchmarks[benchmark].seeds
