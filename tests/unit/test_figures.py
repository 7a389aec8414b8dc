"""What figures draw, read back from what was drawn."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import StepPatch
from test_tables import evidence

from ood.artifacts import distributions, times
from ood.artifacts.evidence import KEY
from ood.detectors import method
from ood.summaries import ALL, BINS, Summary


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved."""
    figures = []
    for module in (distributions, times):
        monkeypatch.setattr(module, "save", lambda evidence, figure, name, caption: figures.append(figure))
    return figures


def test_times_are_multiples_of_msps(tmp_path, drawn):
    """Printed for GAIA-A on CIFAR with batch 128: 1.01 ms, for MSP 0.24 ms."""
    given = evidence(tmp_path, [0.9])
    given.benchmarks["mnist"]["timed"] = [1]
    ms = {detector: 2.0 * (place + 1) for place, detector in enumerate(times.TIMED)}
    rows = [("mnist", detector, "alone", "batch 1", "ms", mean, "a CPU") for detector, mean in ms.items()]
    (tmp_path / "timing").mkdir()
    pd.DataFrame(rows, columns=[*KEY, "mean", "device"]).to_parquet(tmp_path / "timing/mnist.parquet")
    times.multiples(given, "mnist")
    printed, ours = drawn[0].axes
    assert ours.get_title() == "ours: a CPU"
    places = [
        {text: place for place, text in enumerate(axis.get_legend_handles_labels()[1])} for axis in (printed, ours)
    ]
    points = printed.collections[places[0]["CIFAR, batch 128"]].get_offsets()
    line = list(times.TIMED).index("gaia_a")
    assert points[[0, line]].tolist() == [[1, 0], [pytest.approx(1.01 / 0.24), line]]
    points = ours.collections[places[1]["batch 1"]].get_offsets()
    assert points[:, 0].tolist() == pytest.approx([*range(1, len(ms) + 1)])


def test_a_row_of_histograms_per_method_each_as_high_as_its_higher_peak(tmp_path, drawn):
    given = evidence(tmp_path, [0.9], detectors=["rg", "gradnorm"])
    about = given.benchmarks["mnist"]
    sets = [about["id"], *about["ood"]]
    shares = {
        (name, one): np.full(BINS, 0.01 * (place + 1)) for name in ("rg", "gradnorm") for place, one in enumerate(sets)
    }
    default = {name: method(name).default for name in ("rg", "gradnorm")}
    rows = [Summary("share", name, default[name], one, values) for (name, one), values in shares.items()]
    rows += [
        Summary(scale, name, default[name], ALL, [0.0, 1.0])
        for name, scale in (("rg", "log10"), ("gradnorm", "linear"))
    ]
    (tmp_path / "summaries").mkdir()
    pd.DataFrame(rows).to_parquet(tmp_path / "summaries/mnist.parquet")
    distributions.scores(given, "mnist")
    rg, gradnorm = drawn[0].axes
    assert [axis.texts[0].get_text() for axis in (rg, gradnorm)] == ["RG, log", "GradNorm"]
    steps = [patch.get_data() for patch in gradnorm.patches if isinstance(patch, StepPatch)]
    assert len(steps) == 2 * len(about["ood"])
    for place in range(len(about["ood"])):
        ids, oods = steps[2 * place : 2 * place + 2]
        assert ids.edges[0] == pytest.approx(place * distributions.BESIDE) and np.ptp(ids.edges) == pytest.approx(1)
        assert ids.values == pytest.approx(np.full(BINS, 1 / (place + 2))) and oods.values == pytest.approx(
            np.ones(BINS)
        )
