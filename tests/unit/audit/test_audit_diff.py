"""Two runs of a DAG of five jobs, one cell: which difference of the second is named as the cause."""

from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest

from ood import closure, ledger
from ood.audit.diff import Comparison, Run, diff
from ood.closure import LOCK
from ood.errors import Problem

CELL = {"benchmark": "b", "detector": "msp", "variant": "msp", "dataset": "o", "metric": "AUROC"}
ACCURACY = CELL | {"detector": "network", "variant": "test", "metric": "accuracy"}


def job(step: str, path: str, content: bytes, inputs: tuple[str, ...] = (), spec: object = None, **facts) -> None:
    """Write an output with its record, as a job of a step would."""
    made = ledger.Job(step, ("ood.errors",), spec, {"files": [Path(one) for one in inputs]})
    made.facts |= {"cpu": "one", **facts}
    Path("draft").write_bytes(content)
    made.publish(Path("draft"), Path(path), "files")


def run(
    folder: Path,
    values: tuple[float, ...] = (0.5, 0.6),
    scored: bytes = b"s",
    weights: bytes = b"w",
    raw: bytes = b"r",
    **facts,
) -> Path:
    """raw -> data -> card -> scores -> metrics -> cells; ``facts`` of the jobs that made them."""
    card, scores, metrics = "results/checkpoints/b/seed0/card.json", "results/scores", "results/metrics/b/msp.parquet"
    (folder / "envs").mkdir(parents=True)
    with chdir(folder):
        LOCK.write_text("")
        Path("raw").write_bytes(raw)
        job("ood.data.prepare", "results/data", raw, ("raw",), **facts.get("data", {}))
        job("ood.train.training", card, weights, ("results/data",), **facts.get("card", {}))
        job("ood.evaluation.score", scores, scored, (card,), **facts.get("scores", {}))
        job("ood.evaluation.evaluate", metrics, str(values).encode(), (scores,), **facts.get("metrics", {}))
        rows = [row | {"mean": sum(values) / len(values), "values": list(values)} for row in (CELL, ACCURACY)]
        pd.DataFrame(rows).to_parquet("cells")
        job("ood.evaluation.cells", "results/cells/b.parquet", Path("cells").read_bytes(), (metrics, card))
    return folder


OTHER = {"values": (0.5, 0.7), "scored": b"t"}
MODULES = {name: ledger.sha256(file) for name, file in closure.closure("ood.errors").items()} | {"ood.errors": "edited"}
CASES = {
    "the code of a module": ({"scores": {"code": {"digest": "x", "modules": MODULES}}}, "the code of ood.errors"),
    "a parameter of the training": (
        {"weights": b"v", "card": {"spec": {"epochs": 7}}},
        'parameter of ood.train.training: null -> {"epochs": 7}',
    ),
    "a file that no job made": ({"weights": b"v", "raw": b"other"}, "the file raw"),
    "another machine": ({"weights": b"v", "card": {"cpu": "two"}}, "the machine: one -> two"),
    "chance": ({}, "nothing that is recorded: ood.evaluation.score gave other bytes"),
    "the lock": ({"scores": {"lock": "y"}}, "libraries (envs/requirements.lock)"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_cause_is_the_first_thing_upstream_that_differs(tmp_path, case):
    changes, expected = CASES[case]
    before, after = run(tmp_path / "before"), run(tmp_path / "after", **OTHER, **changes)
    comparison = Comparison(Run(before), Run(after))
    (cause,) = comparison.causes("results/metrics/b/msp.parquet")
    assert cause.startswith(expected)


def test_what_has_the_same_bytes_is_not_a_cause(tmp_path):
    """Other code and parameters before the scores, which came out the same; the metrics' own parameter is to blame."""
    facts = {"metrics": {"spec": {"draws": 7}}, "card": {"spec": {"seed": 1}}}
    before, after = run(tmp_path / "before"), run(tmp_path / "after", (0.5, 0.7), raw=b"other", **facts)
    assert Comparison(Run(before), Run(after)).causes("results/metrics/b/msp.parquet") == {
        'parameter of ood.evaluation.evaluate: null -> {"draws": 7}'
    }


def test_the_report_counts_groups_and_names_the_largest(tmp_path):
    before, after = run(tmp_path / "before"), run(tmp_path / "after", (0.5, 0.7), b"t", b"v", card={"cpu": "two"})
    lines, same = diff(before, after)
    said = "\n".join(lines)
    assert not same
    assert said.startswith("2 cells in both runs, 2 differ; 0 only before, 0 only after")
    assert said.count("because of") == 1 and "because of the machine: one -> two" in said
    assert "1 of b/msp, 1 of b/network" in said
    assert "AUROC: 1, the largest +0.05: b/msp/msp/o/AUROC 0.55 -> 0.6" in said


def test_the_same_run_in_another_folder_is_the_same(tmp_path):
    lines, same = diff(run(tmp_path / "before"), run(tmp_path / "after"))
    assert same and next(iter(lines)).startswith("2 cells in both runs, 0 differ")


def test_a_cell_of_one_run_only_is_listed(tmp_path):
    before, after = run(tmp_path / "before"), run(tmp_path / "after")
    cells = after / "results/cells/b.parquet"
    frame = pd.read_parquet(cells)
    frame[frame["detector"] == "network"].to_parquet(cells)
    lines, same = diff(before, after)
    assert not same and list(lines)[-1] == "only before: b/msp/msp"


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(Problem, match="has no results/cells"):
        Run(tmp_path)
    with pytest.raises(Problem, match="is not a folder"):
        Run(tmp_path / "nowhere")
