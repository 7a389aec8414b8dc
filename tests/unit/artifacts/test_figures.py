"""What figures draw, read back from what was drawn."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from benchmark import evidence
from matplotlib.patches import StepPatch

from ood.artifacts import distributions, figure, gaia_inside, gaia_layers, igoe, igoe_figures, roc, times
from ood.artifacts.evidence import KEY
from ood.detectors import method
from ood.evaluation.summaries import ALL, BINS, FALSE_POSITIVES, Summary


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved."""
    figures = []
    for module in (distributions, gaia_layers, igoe_figures, roc, times):
        monkeypatch.setattr(module, "save", lambda evidence, figure, *said: figures.append(figure))
    return figures


def test_a_figure_has_the_same_bytes_whatever_the_environment_says(tmp_path, monkeypatch):
    found = set()
    for seconds in ("0", "1700000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", seconds)
        figure.save(SimpleNamespace(out=tmp_path), plt.figure(), "A", "A caption")
        found.add((tmp_path / "A.pdf").read_bytes())
    assert len(found) == 1


def test_a_panel_for_every_ood_set(tmp_path, drawn):
    """However many: ten here."""
    names = [f"set {place}" for place in range(10)]
    given = evidence(tmp_path, [0.9])
    given.benchmarks["mnist"]["ood"] = names
    rows = [Summary("point", "encoding_output", part, name, [1.0]) for part in "UV" for name in ["mnist", *names]]
    (tmp_path / "summaries").mkdir()
    pd.DataFrame(rows).to_parquet(tmp_path / "summaries/mnist.parquet")
    igoe_figures.parts(given, "mnist")
    assert [axis.get_title() for axis in drawn[0].axes if axis.get_title()] == [name.capitalize() for name in names]


def test_times_are_multiples_of_msps(tmp_path, drawn):
    """Printed for GAIA-A on CIFAR with batch 128: 1.01 ms, for MSP 0.24 ms."""
    given = evidence(tmp_path, [0.9])
    given.benchmarks["mnist"]["timed"] = [1]
    ms = {detector: 2.0 * (place + 1) for place, detector in enumerate(times.TIMED)}
    rows = [("mnist", detector, "alone", "batch 1", "ms", mean, "a CPU") for detector, mean in ms.items()]
    (tmp_path / "timing").mkdir()
    pd.DataFrame(rows, columns=[*KEY, "mean", "device"]).to_parquet(tmp_path / "timing/mnist.parquet")
    table = times.time_per_image(given)
    assert [panel.title for panel in table.panels] == ["Tesla V100", f"{given.benchmarks['mnist']['title']}, a CPU"]
    assert "float32" in table.foot
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


def test_layers_are_grouped_by_the_first_part_in_which_their_names_differ():
    assert gaia_layers.blocks(["body.bn1", "body.layer1.0.bn1", "body.layer1.1.bn1"]) == ["bn1", "layer1", "layer1"]
    units = [f"body.stages.3.blocks.{unit}.norm{norm}.0" for unit in (0, 1) for norm in (1, 2)]
    assert gaia_layers.blocks(units) == ["blocks 0", "blocks 0", "blocks 1", "blocks 1"]


def test_layers_stand_from_input_to_output():
    """VGG16's are told apart by their numbers alone, which are no text."""
    arrays = dict.fromkeys([f"cats/map/body.{number}" for number in (16, 4, 9, 30)] + ["dogs/map/body.2", "cats/image"])
    assert gaia_inside._names(arrays, "cats", "map") == ["body.4", "body.9", "body.16", "body.30"]
    arrays = dict.fromkeys(f"cats/map/layer1.{name}" for name in ("shortcut.1", "bn2", "bn1"))
    assert gaia_inside._names(arrays, "cats", "map") == ["layer1.bn1", "layer1.bn2", "layer1.shortcut.1"]


def test_the_normalisation_layers_of_a_network_are_counted_whether_gaia_reads_them_or_not():
    assert gaia_layers.normalisations({"network": "resnet_a", "classes": 10, "options": {"depth": 20}}) == 19
    assert gaia_layers.normalisations({"network": "bit_r101x1", "classes": 1000, "options": {}}) == 100


def test_a_layer_s_abnormality_its_relative_difference_and_its_auroc(tmp_path, drawn, monkeypatch):
    given = evidence(tmp_path, [0.9])
    columns = {"gaia_a": "q=0.5 layer=", "gaia_z": "layer="}
    names = ["bn1", "layer1.0.bn1", "layer1.0.bn2"]
    rows = [
        Summary("mean", detector, start + name, dataset, [mean])
        for detector, start in columns.items()
        for name, pair in zip(names, ((0.2, 0.3), (0.4, 0.4), (0.5, 0.25)), strict=True)
        for dataset, mean in zip((given.benchmarks["mnist"]["id"], ALL), pair, strict=True)
    ]
    (tmp_path / "summaries").mkdir()
    pd.DataFrame(rows).to_parquet(tmp_path / "summaries/mnist.parquet")
    cells = [
        dict(zip(KEY, ("mnist", detector, start + name, "average", "AUROC"), strict=True)) | {"mean": mean}
        for detector, start in columns.items()
        for name, mean in zip(names, (0.7, 0.5, 0.4), strict=True)
    ]
    given.cells = pd.DataFrame(cells).set_index(KEY)
    monkeypatch.setattr(given, "card", lambda *_: {"network": "resnet_a", "classes": 10, "options": {"depth": 20}})
    gaia_layers.layers(given, "mnist")
    means, _, gaps, _, aurocs, _ = drawn[0].axes
    assert [text.get_text() for text in means.texts] == ["bn1", "layer1"]
    assert means.lines[1].get_ydata().tolist() == [0.3, 0.4, 0.25]
    assert [bar.get_height() for bar in gaps.patches] == pytest.approx([50, 0, -50])
    assert [bar.get_height() for bar in aurocs.patches] == pytest.approx([20, 0, -10])


def test_the_best_method_is_among_the_roc_curves_and_a_dot_marks_95_percent(tmp_path, drawn):
    given = evidence(tmp_path, [0.9], detectors=["rg", "gradnorm", "mos"])
    about = given.benchmarks["mnist"]
    default, means = (
        {name: method(name).default for name in about["detectors"]},
        {"rg": 0.7, "gradnorm": 0.8, "mos": 0.9},
    )
    cells = [("mnist", name, default[name], "average", "AUROC", mean) for name, mean in means.items()]
    given.cells = pd.DataFrame(cells, columns=[*KEY, "mean"]).set_index(KEY)
    curve = np.minimum(1, FALSE_POSITIVES / 0.4)  # 95 % at 0.38
    rows = [Summary("curve", name, variant, ood, curve) for name, variant in default.items() for ood in about["ood"]]
    (tmp_path / "summaries").mkdir()
    pd.DataFrame(rows).to_parquet(tmp_path / "summaries/mnist.parquet")
    roc.roc(given, "mnist")
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["MOS, best", "GradNorm", "RG"]
    dots = [line for line in drawn[0].axes[0].lines if line.get_marker() == "o"]
    assert [line.get_xydata()[0].tolist() for line in dots] == [pytest.approx([38, 95])] * 3
    looks = {(line.get_color(), line.get_linestyle()) for line in legend.get_lines()}
    assert len(looks) == 3
    every = [*roc.DRAWN.values(), roc.BEST]
    assert len({colour for colour, _ in every}) == len(every)


@pytest.fixture
def products(tmp_path):
    """All products of a feature norm and an output term have an AUROC of 0.9."""
    given = evidence(tmp_path, [0.9])
    cells = [
        ("mnist", *igoe.product(u, v), dataset, "AUROC", 0.9)
        for u in ("1", *(f"norm{order}" for order in igoe_figures.NORMS))
        for v in igoe.OUTPUTS
        for dataset in (*given.benchmarks["mnist"]["ood"], "average")
    ]
    given.cells = pd.DataFrame(cells, columns=[*KEY, "mean"]).set_index(KEY)
    return given


def test_the_printed_grids_by_ood_set_are_drawn_and_ours(products, drawn):
    assert products.shown("IGOE-C") == ["imagenet", "mnist"]
    for benchmark in products.shown("IGOE-C"):
        igoe_figures.heat_maps(products, benchmark)
    printed, ours = drawn
    assert [axis.get_title() for axis in printed.axes[:3]] == [
        f"printed: {name}" for name in ("iNaturalist", "SUN", "Places")
    ]
    shown = [text.get_text() for text in printed.axes[0].texts]
    assert len(shown) == 4 * 12 and shown[:2] == ["0.861", "0.816"]
    assert [axis.get_title() for axis in ours.axes[:2]] == ["Svhn grey corner", "Letters"]
    assert {text.get_text() for text in ours.axes[0].texts} == {"0.900"} and len(ours.axes[0].texts) == 5 * 13
    assert all(figure.axes[-1].get_ylabel() == "AUROC" for figure in drawn)  # the scale


def test_figure_2_has_print_above_ours(products, drawn):
    igoe_figures.heat_map(products, "mnist")
    above, below, scale = drawn[0].axes
    assert above.texts[0].get_text() == "0.820" and below.texts[0].get_text() == "0.900"
    assert below.get_xticklabels()[1].get_text() == "0" and not above.get_xticklabels()
    assert scale.get_ylabel() == "AUROC"
