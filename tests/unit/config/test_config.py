"""config.yaml is refused with the key, the value, what is allowed and the nearest right spelling."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from ood import ledger, networks
from ood.claims.papers import REPRODUCED
from ood.config import load, signature
from ood.data import catalogue
from ood.detectors import method
from ood.errors import Problem
from ood.once import once

TEXT = (Path(__file__).parents[3] / "config.yaml").read_text()


def changed(path: str, value) -> dict:
    config = yaml.safe_load(TEXT)
    *parents, last = path.split(".")
    place = config
    for key in parents:
        place = place[key]
    place[last] = value
    return config


def test_the_shipped_configuration_is_right():
    config = load(yaml.safe_load(TEXT))
    assert config.benchmarks["digits"].seeds == config.benchmarks["cifar10"].seeds == [0, 1, 2, 3, 4]
    assert config.benchmarks["resnet20_small"].seeds == [0]
    assert config.benchmarks["digits"].averaged() == {"average": config.benchmarks["digits"].ood}
    assert config.band("digits") == {"band": (0.96, 1.0), "key": "recipes.digits.accuracy"}
    assert config.band("resnet20_small") == {"band": (0.88, 0.95), "key": "benchmarks.resnet20_small.weights.accuracy"}
    assert (config.batch("cifar10"), config.batch("imagenet_bit")) == (128, 16)
    costly = {"gradients_deep", "batchgrad_deep", "mahalanobis_layers"}
    assert set(config.on_request) == costly
    assert costly - {"mahalanobis_layers"} == set(config.methods("mnist")) - set(config.methods("mnist_small"))
    assert config.methods("digits") == [name for name in config.detectors if name not in costly]
    assert config.methods("cifar10") == [*config.methods("digits"), "mahalanobis_layers"]
    assert config.options("odin", "cifar10") == {"temperature": 1000, "epsilon": 0.004}
    part, whole = config.recipes["svhn_part"], config.recipes["playground_svhn"]
    scaled = tuple(round(milestone * part.epochs / whole.epochs) for milestone in whole.milestones)
    assert part.milestones == scaled and config.benchmarks["svhn_part"].reproduces is None
    assert config.benchmarks["svhn_part"].resembles == "small_scale"
    assert config.options("mahalanobis_layers", "cifar10") == {}  # the method's default, GAIA's value for CIFAR-10
    assert config.options("mahalanobis_layers", "cifar100") == {"epsilon": 0.005}
    for benchmark in ("imagenet_bit", "imagenet_densenet121", "imagenet_resnet50"):
        assert config.options("odin", benchmark) == {"temperature": 1000, "epsilon": 0}
        assert config.options("mahalanobis_layers", benchmark) == {"epsilon": 0.005}
        assert config.options("energy", benchmark) == {}


@pytest.mark.parametrize(
    ("name", "tested"), [("mnist", 10_000), ("svhn", 10_000), ("cifar10_playground", 10_000), ("mnist_first", 1_952)]
)
def test_small_scale_numbers_stand_beside_those_of_the_sets_that_were_printed(name, tested):
    """The first 10,000 images of every test set, converted by the authors' code; of SVHN what there is."""
    config, datasets = load(yaml.safe_load(TEXT)), catalogue.datasets()
    benchmark = config.benchmarks[name]
    printed = REPRODUCED["small_scale"][benchmark.id]
    assert [ood for ood in benchmark.ood if ood in printed] == benchmark.averaged()["average"]
    assert {datasets[ood].count for ood in benchmark.ood if "svhn" in ood} <= {tested}
    assert {datasets[ood].count for ood in benchmark.ood if "svhn" not in ood} == {10_000}
    trained = {"mnist": 60_000, "svhn_id_first10000": 73_257, "cifar10": 50_000}
    assert datasets[benchmark.id].count - trained[benchmark.id] == 10_000


PUBLISHED = {"file": "weights/resnet20-12fca82f.th", "accuracy": [0.9, 1.0]}
RESNET = {"network": {"name": "resnet50"}}
WRONG = {
    "an unknown key": ("benchmark", {}, "benchmark: unknown key 'benchmark'. Did you mean 'benchmarks'?"),
    "an unknown key inside": ("benchmarks.digits.sedes", [1], "sedes: unknown key 'sedes'. Did you mean 'seeds'?"),
    "a size beside the network's own": ("benchmarks.digits.input_size", 28, "input_size: unknown key 'input_size'."),
    "an unknown recipe key": ("recipes.digits.epoch", 3, "recipes.digits.epoch: unknown key 'epoch'. Did you mean"),
    "an unknown detector": ("detectors.gia_z", {}, "detectors.gia_z: unknown detector 'gia_z'. Did you mean 'gaia_z'?"),
    "an unknown option": ("detectors.odin", {"epsilom": 0}, "detectors.odin.epsilom: unknown key 'epsilom'. Did you"),
    "an unknown dataset": (
        "benchmarks.digits.ood",
        ["leters"],
        "ood: unknown dataset 'leters'. Did you mean 'letters'?",
    ),
    "a likeness to none of the papers' own": (
        "benchmarks.digits.resembles",
        "smal_scale",
        "benchmarks.digits.resembles: unknown printed benchmark 'smal_scale'. Did you mean 'small_scale'?",
    ),
    "an unknown network": ("benchmarks.digits.network.name", "resnet43", "unknown network 'resnet43'. Did you mean"),
    "an unknown option of a network": (
        "benchmarks.cifar10.network",
        {"name": "resnet34", "widht": 8},
        "benchmarks.cifar10.network: unknown option of resnet34 'widht'. Did you mean 'width'?",
    ),
    "an option of a network without any": (
        "benchmarks.mnist.network.width",
        8,
        "benchmarks.mnist.network.width: the network 'playground_mlp' has no options. Remove it.",
    ),
    "an option of another type": (
        "benchmarks.cifar10.network.width",
        "8",
        "benchmarks.cifar10.network.width: '8' is not allowed: an integer of at least 1 is expected.",
    ),
    "an option that is true": ("benchmarks.cifar10.network.width", True, "True is not allowed: an integer"),
    "an option of zero channels": ("benchmarks.cifar10.network.width", 0, "0 is not allowed: an integer of at least 1"),
    "an option that drops everything": (
        "benchmarks.svhn.network.dropout",
        1.0,
        "benchmarks.svhn.network.dropout: 1.0 is not allowed: a number from 0 to below 1 is expected.",
    ),
    "too many channels": (
        "benchmarks.digits.network",
        {"name": "resnet34", "width": 8},
        "digits has images of 8x8x1, and the input of 'resnet34' has channels: 3. Set channels: 1 there.",
    ),
    "too few channels": (
        "benchmarks.cifar10.network",
        {"name": "playground_mlp"},
        "of 32x32x3, and the input of 'playground_mlp' has channels: 1. Choose another network or dataset.",
    ),
    "an unknown recipe": (
        "benchmarks.digits.recipe",
        "digit",
        "recipe: unknown recipe 'digit'. Did you mean 'digits'?",
    ),
    "a detector that is not listed": ("benchmarks.digits.detectors", ["mps"], "detectors: unknown detector 'mps'"),
    "an unknown detector on request": ("on_request", ["gradient_deep"], "on_request: unknown detector 'gradient_deep'"),
    "one added that all run": (
        "benchmarks.digits.also",
        ["msp"],
        "benchmarks.digits.also: unknown detector on request",
    ),
    "one added twice": ("benchmarks.digits.also", ["gradients_deep"] * 2, "also: gradients_deep is a duplicate"),
    "one on request twice": ("on_request", ["msp", "msp"], "on_request: msp is a duplicate"),
    "an unknown option of a benchmark's detector": (
        "benchmarks.digits.options",
        {"odin": {"epsilom": 0}},
        "benchmarks.digits.options.odin.epsilom: unknown key 'epsilom'. Did you mean 'epsilon'?",
    ),
    "a value of a benchmark's detector": (
        "benchmarks.digits.options",
        {"react": {"fixed": 0}},
        "benchmarks.digits.options.react.fixed: 0 is not allowed: input should be greater than 0",
    ),
    "no options of a benchmark's detector": (
        "benchmarks.digits.options",
        {"odin": 0.004},
        "benchmarks.digits.options.odin: 0.004 is not allowed: input should be a valid dictionary",
    ),
    "options of an unknown detector": (
        "benchmarks.digits.options",
        {"odim": {}},
        "benchmarks.digits.options: unknown detector of this benchmark 'odim'. Did you mean 'odin'?",
    ),
    "options of a detector that does not run": (
        "benchmarks.mnist.options",
        {"gaia_a": {"layers": ["a"]}},
        "benchmarks.mnist.options: unknown detector of this benchmark 'gaia_a'",
    ),
    "an unknown key of weights": (
        "benchmarks.resnet20_small.weights.acuracy",
        [0.9, 1.0],
        "weights.acuracy: unknown key 'acuracy'. Did you mean 'accuracy'? Allowed: accuracy, class_order, file.",
    ),
    "an edition of nothing": ("editions.demo", [], "editions.demo: [] is not allowed"),
    "no detectors": ("benchmarks.digits.detectors", [], "benchmarks.digits.detectors: [] is not allowed"),
    "a batch that is timed twice": ("benchmarks.digits.timed", [1, 1], "benchmarks.digits.timed: 1 is a duplicate"),
    "a title that another benchmark has": (
        "benchmarks.digits_heldout.title",
        "Handwritten digits",
        "editions.demo: the benchmarks digits and digits_heldout have the same title, 'Handwritten digits'. Give",
    ),
    "a title that LaTeX reads": (
        "benchmarks.digits.title",
        "Digits & 100 %",
        "benchmarks.digits.title: 'Digits & 100 %' is not allowed: value error, LaTeX does not print % & as it stands.",
    ),
    "a seed twice": ("benchmarks.digits.seeds", [0, 1, 1], "benchmarks.digits.seeds: 1 is a duplicate"),
    "a negative seed": ("benchmarks.digits.seeds", [-1], "benchmarks.digits.seeds.0: -1 is not allowed"),
    "no seeds": ("benchmarks.digits.seeds", [], "benchmarks.digits.seeds: [] is not allowed"),
    "a negative clip": ("detectors.rg", {"clips": [-1]}, "detectors.rg.clips.0: -1 is not allowed: input should be"),
    "a negative fixed clip": ("detectors.react", {"fixed": -1.0}, "detectors.react.fixed: -1.0 is not allowed"),
    "an empty band": ("recipes.digits.accuracy", [1.0, 0.9], "recipes.digits.accuracy: [1.0, 0.9] is not allowed"),
    "weights and a recipe": ("benchmarks.digits.weights", PUBLISHED, "either recipe (to train) or weights"),
    "an infinite option": (
        "detectors.rg",
        {"clips": [0.5, 1, float("inf")]},
        "config.yaml: detectors.rg.clips.2: inf is not allowed: JSON, in which parameters are kept, has no such "
        "number. Where a detector takes it, write it as text, 'inf'.",
    ),
    "a network's option that is no number": (
        "benchmarks.digits.network",
        {"name": "resnet34", "width": 8, "channels": float("nan")},
        "benchmarks.digits.network.channels: nan is not allowed",
    ),
    "neither": ("benchmarks.digits.recipe", None, "either recipe (to train) or weights"),
    "seeds of weights": ("benchmarks.resnet20_small.seeds", [1], "a published checkpoint is one network"),
    "an unknown file": (
        "benchmarks.resnet20_small.weights.file",
        "weights/resnet20.th",
        "weights.file: unknown file 'weights/resnet20.th'. Did you mean 'weights/resnet20-12fca82f.th'?",
    ),
    "an average of other sets": (
        "benchmarks.digits.averages",
        {"average": ["faces"], "all": ["svhn"]},
        "benchmarks.digits.averages.all: unknown OOD set 'svhn'",
    ),
    "no average": ("benchmarks.digits.averages", {"mean": ["faces"]}, "must have the name 'average'"),
    "an average over nothing": ("benchmarks.digits.averages", {"average": []}, "averages.average: [] is not allowed"),
    "an average named like a set": (
        "benchmarks.digits.averages",
        {"average": ["letters", "faces"], "faces": ["photographs"]},
        "benchmarks.digits.averages.faces: an OOD set has that name. Choose another for the average.",
    ),
    "an edition named like a rule": (
        "editions.all",
        ["digits"],
        "editions.all: a rule of the workflow has the name all,",
    ),
    "an unknown benchmark": (
        "editions.demo",
        ["digit"],
        "editions.demo: unknown benchmark 'digit'. Did you mean 'digits'",
    ),
    "one name twice": ("editions.digits", ["digits"], "editions.digits: a benchmark has the name digits, and"),
    "an edition named like a part of another": (
        "editions.demo_gaia",
        ["digits"],
        "editions.demo_gaia: a part of the edition demo has the name demo_gaia, and both are targets. Choose another.",
    ),
    "an edition and a benchmark named like another": (
        "editions.demo_digits",
        ["digits"],
        "editions.demo_digits: a part of the edition demo has the name demo_digits_lineage, and both are targets.",
    ),
    "another shape": (
        "benchmarks.digits.ood",
        ["svhn"],
        "benchmarks.digits.ood: svhn has images of 32x32x3, the in-distribution set images of 8x8x1",
    ),
    "pictures among arrays": (
        "benchmarks.digits.ood",
        ["sun"],
        "benchmarks.digits.ood: sun has encoded pictures, the in-distribution set images of 8x8x1",
    ),
    "training on pictures": (
        "benchmarks.imagenet_bit",
        {"title": "", "id": "imagenet", "ood": ["sun"], "recipe": "digits", **RESNET},
        "benchmarks.imagenet_bit.recipe: training needs images of one size, and imagenet holds encoded pictures",
    ),
    "pictures for a network of one size": (
        "benchmarks.imagenet_resnet50.network",
        {"name": "resnet34"},
        "benchmarks.imagenet_resnet50.network: imagenet holds encoded pictures of any size, and 'resnet34' does not "
        "say by a 'preprocessing' how one becomes its input. Choose a network that does: bit_r101x1, densenet121,",
    ),
    "an OOD set as ID": (
        "benchmarks.cifar10_narrow.id",
        "cifar10_test",
        "benchmarks.cifar10_narrow.id: the kind of cifar10_test is 'near' in workflow/resources/datasets.csv",
    ),
    "ID among the OOD sets": ("benchmarks.digits.ood", ["digits"], "ood: digits is the in-distribution set"),
    "a rate of zero": ("recipes.digits.learning_rate", 0, "recipes.digits.learning_rate: 0 is not allowed"),
    "one draw": ("bootstrap.draws", 1, "bootstrap.draws: 1 is not allowed: input should be greater than 1"),
}


@pytest.mark.parametrize("path, value, message", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(path, value, message):
    with pytest.raises(Problem) as problem:
        load(changed(path, value))
    assert str(problem.value).startswith("config.yaml: ")
    assert message in str(problem.value)


def test_a_missing_key_is_named():
    config = yaml.safe_load(TEXT)
    del config["benchmarks"]["digits"]["network"]
    with pytest.raises(Problem, match=r"config.yaml: benchmarks.digits.network: this key is missing"):
        load(config)


def test_a_misspelt_key_is_not_reported_as_one_that_is_missing():
    config = yaml.safe_load(TEXT)
    config["benchmarks"]["digits"]["titel"] = config["benchmarks"]["digits"].pop("title")
    with pytest.raises(Problem, match=r"digits.titel: unknown key 'titel'. Did you mean 'title'\?"):
        load(config)


def test_of_an_entry_whose_keys_do_not_go_together_only_the_reason_is_said():
    with pytest.raises(Problem) as problem:
        load(changed("benchmarks.digits.recipe", None))
    assert str(problem.value) == (
        "config.yaml: benchmarks.digits: either recipe (to train) or weights (a published checkpoint) is expected, "
        "not both."
    )


@pytest.mark.parametrize("name", ["train", "score", "score_network"])
def test_a_benchmark_is_not_named_like_a_rule(name):
    config = yaml.safe_load(TEXT)
    config["benchmarks"][name] = config["benchmarks"]["digits"]
    with pytest.raises(Problem, match=rf"config.yaml: benchmarks.{name}: a rule of the workflow has the name {name},"):
        load(config)


def test_a_benchmark_is_not_named_like_a_part_of_an_edition():
    config = yaml.safe_load(TEXT)
    config["benchmarks"]["demo_appendix"] = config["benchmarks"]["digits"]
    with pytest.raises(
        Problem, match=r"benchmarks.demo_appendix: a part of the edition demo has the name demo_appendix"
    ):
        load(config)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("    recipe: digits\n", "    recipe: digits\n    seeds: [7]\n", "benchmarks.digits.seeds"),
        ("\ndetectors:\n", "\nmirror: elsewhere\ndetectors:\n", "mirror"),
        ("network: {name: resnet34,", "network: {width: 4, name: resnet34,", "benchmarks.digits.network.width"),
    ],
)
def test_a_key_that_stands_twice_is_named(tmp_path, monkeypatch, old, new, key):
    """YAML would take the last one."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "config.yaml"
    file.write_text(TEXT)
    once(file)
    file.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(Problem, match=rf"^config.yaml: {key}: this key stands twice, again in line \d+\. Remove one"):
        once(file)


@pytest.mark.parametrize("text", ["a: [", "a: 1: 2", "\tb: 1"])
def test_what_is_no_yaml_is_said(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(Problem, match="(?s)^config.yaml cannot be read: .*line 1"):
        once(tmp_path / "config.yaml")


@pytest.mark.parametrize("name", ["imagenet", "small_scale"])
def test_a_benchmark_is_not_named_like_what_a_paper_prints(name):
    config = yaml.safe_load(TEXT)
    config["benchmarks"][name] = config["benchmarks"]["digits"]
    with pytest.raises(Problem, match=rf"config.yaml: benchmarks.{name}: a paper's printed tables have that name"):
        load(config)


def test_datasets_of_one_title_are_not_in_one_benchmark(monkeypatch):
    datasets = catalogue.datasets()
    twin = datasets["faces"].model_copy(update={"title": datasets["letters"].title})
    monkeypatch.setattr(catalogue, "datasets", lambda: datasets | {"faces": twin})
    with pytest.raises(Problem, match=r"benchmarks.digits.ood: the datasets letters and faces have the same title"):
        load(yaml.safe_load(TEXT))


def test_what_is_read_of_a_network_s_source_is_what_the_class_has():
    for name in signature.names():
        network = networks.architecture(name)
        options = list(inspect.signature(network).parameters)[1:]
        signature.check("", name, {option: inspect.signature(network).parameters[option].default for option in options})
        with pytest.raises(Problem):
            signature.check("", name, {"no_such_option": 1})
        with torch.device("meta"):
            assert signature.channels(name, {}) == (network(10).channels, "channels" in options)
        for attribute in ("input_size", "preprocessing"):
            assert signature.declared(name, attribute) == getattr(network, attribute)


@pytest.mark.parametrize("line", ["", "input_size = 4 * 8", "input_size: int"])
def test_a_network_whose_source_does_not_say_its_input_is_named(tmp_path, monkeypatch, line):
    for name in ("__init__", "resnet34"):
        (tmp_path / f"{name}.py").write_text((signature.NETWORKS / f"{name}.py").read_text())
    source = tmp_path / "resnet34.py"
    source.write_text(source.read_text().replace("input_size = 32", line))
    monkeypatch.setattr(signature, "NETWORKS", tmp_path)
    with pytest.raises(Problem, match=r"config.yaml: workflow/ood/networks/resnet34.py: input_size is read from the"):
        load(yaml.safe_load(TEXT))


@pytest.mark.parametrize("name", ["svhn", "svhn_part", "cifar10_playground"])
def test_methods_that_need_blocks_are_refused_on_a_network_without(name):
    for methods, named in ((["msp", "rankfeat", "gaia_z"], "rankfeat, gaia_z"), (None, "gaia_z, gaia_a, rankfeat")):
        with pytest.raises(Problem, match=rf"benchmarks\.{name}\.detectors: {named} cannot run here.*'playground_cnn'"):
            load(changed(f"benchmarks.{name}.detectors", methods))
    with pytest.raises(Problem, match=rf"benchmarks\.{name}\.detectors: mahalanobis_layers cannot run here"):
        load(changed(f"benchmarks.{name}.also", ["mahalanobis_layers"]))


def test_an_infinite_option_as_text_is_kept_in_strict_json():
    """A record's readers need not be Python's, which alone has a spelling for it."""
    config = load(changed("detectors.rg", {"clips": [0.5, "inf"]}))
    kept = json.dumps(config.options("rg", "digits"), allow_nan=False)
    assert method("rg")(**json.loads(kept)).clips == (0.5, np.inf)
    assert ledger.fingerprint(json.loads(kept))


def test_a_benchmark_is_not_timed_without_the_methods_that_are_timed():
    """It runs few methods, or config.yaml has one of them no more."""
    config = changed("benchmarks.digits_heldout.timed", [1])
    with pytest.raises(Problem, match=r"benchmarks\.digits_heldout\.timed: odin, react, rankfeat would be timed with"):
        load(config)
    config = changed("benchmarks.digits.timed", [1])
    del config["detectors"]["odin"]
    with pytest.raises(Problem, match=r"benchmarks\.digits\.timed: odin would be timed with the others of GAIA's"):
        load(config)


@pytest.mark.parametrize("name", signature.names())
def test_the_networks_with_blocks_are_those_whose_class_says_which(name):
    with torch.device("meta"):
        assert bool(networks.build(name, 10, {}).blocks()) == signature.blocks(name)
