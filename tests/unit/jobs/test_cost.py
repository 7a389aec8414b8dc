"""What a run cost and what others would: sums by hand, an independent count of multiplications."""

import pytest

from ood import config
from ood.errors import Problem
from ood.jobs import cost
from ood.records import Records

HOUR = 3600.0


def record(path: str, job: str, hours: float, *arguments: str, gpu: str | None = None):
    """As much of a record as the cost looks at."""

    class Made:
        class output:
            pass

        seconds = hours * HOUR
        cpu = "Some CPU"

        def arguments(self):
            return dict.fromkeys(arguments, ["a file"])

    Made.output.path, Made.job, Made.gpu = path, job, gpu
    return Made()


def records(*made) -> Records:
    return Records({one.output.path: one for one in made}, {})


RUN = records(
    record("results/data/digits/images.npy", "prepare", 0.5),
    record("results/checkpoints/digits/seed0/model.safetensors", "train", 2.0),
    record("results/checkpoints/digits/seed0/card.json", "train", 2.0),  # the same job: counted once
    record("results/features/digits/seed0/digits.safetensors", "extract", 1.0),
    record("results/scores/digits/seed0/msp.parquet", "msp", 0.25, "features"),
    record("results/scores/digits/seed0/odin.parquet", "odin", 3.0, "images", gpu="Some GPU"),
    record("results/metrics/digits/msp.parquet", "metrics", 0.125),
    record("results/claims/digits.parquet", "claims", 0.125),
    record("results/editions/demo/appendix.pdf", "pdf", 0.5),
)


def test_a_job_is_counted_once_and_in_its_stage():
    hours = cost.measured(RUN)
    assert dict(hours.loc["digits"]) == {"networks": 2, "passes": 4, "scores": 0.25, "metrics": 0.25, "other": 0}
    assert hours.at["shared", "other"] == 1
    assert cost.processors(RUN) == "Some CPU, Some GPU"


def test_multiplications_are_those_of_the_layers():
    """A multilayer perceptron's are its weights; of pytorch-playground's MNIST network 784, 256, 256, 10."""
    mnist = config.read().benchmarks["mnist"]
    assert cost.multiplications(mnist) == pytest.approx((784 * 256 + 256 * 256 + 256 * 10) / 1e9)


def test_an_estimate_grows_with_multiplications_and_images():
    known = config.read()
    rate = cost.rates(known, cost.measured(RUN))
    seen, work = cost.images(known.benchmarks["digits"]), cost.multiplications(known.benchmarks["digits"])
    assert rate["passes"] == pytest.approx((4 / seen / work,) * 2) and rate["scores"] == pytest.approx(
        (0.25 / seen,) * 2
    )
    other = known.benchmarks["cifar10"]
    found = cost.estimate(known, "cifar10", rate)
    assert found["networks"] == (10, 10)  # five seeds of two hours
    assert found["passes"].low == pytest.approx(4 * cost.images(other) * cost.multiplications(other) / seen / work)
    assert found["metrics"].high == pytest.approx(0.25 * cost.images(other) / seen)


def test_a_range_is_read_in_one_unit():
    assert str(cost.Range(0.5, 0.5)) == "0:30:00"
    assert str(cost.Range(0.5, 2000)) == "0:30:00 to 2,000 h"


def test_without_the_papers_own_benchmarks_there_is_nothing_to_estimate():
    known = config.read()
    assert "cifar10" in cost.own(known)
    without = {name: members for name, members in known.editions.items() if name != "full"}
    with pytest.raises(Problem, match=r"config.yaml: editions: there is no 'full'"):
        cost.own(known.model_copy(update={"editions": without}))


def test_without_a_run_there_is_nothing_to_go_by():
    with pytest.raises(Problem, match="nothing was measured"):
        cost.rates(config.read(), cost.measured(records(record("results/data/digits/images.npy", "prepare", 0.5))))
