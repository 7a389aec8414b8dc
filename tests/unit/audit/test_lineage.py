"""What a printed number rests on: files and detectors, by the records of a small run."""

import pandas as pd
import pytest

from ood.audit import pages, show
from ood.audit.lineage import Lineage
from ood.audit.run import Run
from ood.claims.claims import Claim, Document, Term
from ood.records import Code, File, Made, Record, Records

TABLE = "results/editions/demo/artifacts/overview/CLAIMS.csv"
CELLS, VERDICTS, TIMES = (f"results/{kind}/b.parquet" for kind in ("cells", "claims", "timing"))
METRICS = {name: f"results/metrics/b/{name}.parquet" for name in ("energy", "knn", "msp")}
TERMS = {
    "one": Term(ours=["msp", "msp"]),
    "two": Term(ours=["mahalanobis_layers", "leaky"], instead=["knn", "k=50"]),
    "three": Term(ours=["energy", "energy"]),
}
CLAIMS = {
    "RG-T1.1": "auroc(two) > auroc(one)",
    "RG-T1.2": "ms(one, batch) > ms(three, batch)",
    "RG-T1.3": "auroc(three) > auroc(one)",
}


def record(output: str, inputs: dict[str, list[str]], digest: str = "", **spec: object) -> Record:
    given = [File(argument=name, path=path, sha256=digest) for name, paths in inputs.items() for path in paths]
    made, code = Made(argument="table", path=output, sha256="", bytes=1), Code(digest="", modules={})
    about = {"id": "", "step": "ood.step", "seconds": 0.0, "slurm_job": None, "spec": spec}
    return Record.model_construct(output=made, inputs=given, code=code, **about)


@pytest.fixture
def run() -> Run:
    """Of a benchmark ``b`` that runs three methods and is timed, and a leftover of one that it ran once."""
    made = [
        *(record(path, {}, datasets=["digits", "svhn"], averages={"average": ["svhn"]}) for path in METRICS.values()),
        record("results/metrics/b/zzz.parquet", {}, datasets=["old"], averages={"average": ["old"]}),
        record(CELLS, {"metrics": list(METRICS.values())}),
        record(VERDICTS, {"metrics": list(METRICS.values()), "times": [TIMES]}),
        record(TIMES, {}),
        record(TABLE, {"evidence": [CELLS, VERDICTS, TIMES], "published": ["paper/published/rg.csv"]}, digest="now"),
    ]
    run = Run(Records({one.output.path: one for one in made}, {}))
    named = [Claim(id=name, source="here", claim="it is", holds=text) for name, text in CLAIMS.items()]
    run.claims = Document(within=1, terms=TERMS, groups={}, sets={"batch": {"printed": "", "ours": []}}, claims=named)
    return run


def traced(run: Run, row: str, cell: str = "") -> Lineage:
    artifact = "T" if cell else "CLAIMS"
    entry = pd.Series({"row": row, "column": "b", "cell": cell, "file": TABLE, "published": ""})
    return Lineage(f"{artifact}/{row}/b", "demo", entry, run)


@pytest.mark.parametrize(
    ("row", "detectors", "timed"),
    [
        ("RG-T1.1", {"msp", "knn"}, False),  # what stands in for a method that is not run
        ("RG-T1.2", set(), True),
        ("RG-T1.3", {"msp", "energy"}, False),
        ("RG", {"msp", "knn", "energy"}, True),
    ],
)
def test_a_verdict_rests_on_the_methods_and_times_that_decide_it(run, row, detectors, timed):
    found = {path for _, path in traced(run, row).files()}
    rests = {TABLE, VERDICTS, "paper/published/rg.csv", *(METRICS[name] for name in detectors)}
    assert found == rests | ({TIMES} if timed else set())


@pytest.mark.parametrize(
    ("cell", "files"),
    [("msp/msp/svhn/AUROC", {CELLS, METRICS["msp"]}), ("msp/alone/batch 1/ms", {TIMES})],
)
def test_a_cell_rests_on_cells_or_times(run, cell, files):
    assert {path for _, path in traced(run, "RG", f"b/{cell}").files()} == {TABLE, *files}


def test_datasets_are_those_of_the_metrics_that_cells_are_made_from(run):
    assert traced(run, "RG", "b/msp/msp/average/AUROC").datasets == ["digits", "svhn"]


def test_a_file_has_the_digest_that_its_own_consumer_saw(run):
    """Not that of an edition which is stale."""
    other = record("results/editions/old/CLAIMS.csv", {"published": ["paper/published/rg.csv"]}, digest="then")
    run.records = Records({other.output.path: other, **run.records}, {})
    found = traced(run, "RG-T1.1")
    (line,) = (line for line in show.tree(found) if "rg.csv" in line)
    assert line.split() == ["paper/published/rg.csv", "now"]
    page = pages.page("CLAIMS", "", [found], run.records)
    assert "<code>now</code>" in page and "<code>then</code>" not in page
