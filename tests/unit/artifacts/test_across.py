"""The table of every method on every benchmark."""

import pandas as pd
from benchmark import evidence

from ood.artifacts.across import across
from ood.artifacts.render import latex


def test_a_method_that_a_benchmark_does_not_run_is_not_run_there(tmp_path):
    given = evidence(tmp_path, [0.9], detectors=["rg", "gradnorm"])
    other = given.benchmarks["mnist"] | {"title": "Two", "detectors": ["rg"]}
    given.benchmarks["two"] = other
    cells = given.cells.reset_index()
    given.cells = pd.concat([cells, cells.assign(benchmark="two", mean=0.8)]).set_index(given.cells.index.names)
    table = across(given)
    entries = table.entries(given).set_index("id")["shown"]
    assert entries.to_dict() == {
        f"ACROSS/{row}/{benchmark} {metric}": value
        for metric in ("AUROC", "FPR95")
        for row, *values in (("rg", "90.00", "80.00"), ("gradnorm", "90.00", "not run"))
        for benchmark, value in zip(("mnist", "two"), values, strict=True)
    }
    assert r"\ours{ACROSS/rg/two AUROC}" in latex(table, table.entries(given))
