"""What a run has cost, stage by stage, and what the benchmarks that were not run would: ``make cost``.

Measured is what the records say: seconds of every job, one after another. The rest is an extrapolation under two
assumptions: passes of a network take time in proportion to its multiplications per image, and all that comes after
them in proportion to the images; each within the range of what was measured. The hours of a training are its recipe's.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from ood import command, networks
from ood.config import Benchmark, Config, read
from ood.data import catalogue
from ood.errors import Problem
from ood.jobs.status import clock
from ood.records import Record, Records

# By the first folder below results/; what is missing here belongs to no benchmark.
STAGES = {
    "checkpoints": "networks",
    "features": "passes",
    "attributions": "passes",
    "closeups": "passes",
    "timing": "passes",
    "scores": "scores",
    "metrics": "metrics",
    "cells": "metrics",
    "claims": "metrics",
    "rounding": "metrics",
    "summaries": "metrics",
}
OWN_PASSES = "images"  # an argument of a score that runs the network itself
LEAST = 0.01  # 1e9 multiplications: in smaller networks other things than these take the time
PAPERS_OWN = "full"  # the edition of the benchmarks whose cost is estimated
HEADS = ("networks", "passes", "scores", "metrics")


class Range(NamedTuple):
    """Hours from to; equal where they were measured."""

    low: float
    high: float

    def __str__(self) -> str:
        low, high = (clock(3600 * hours) if hours < 10 else f"{hours:,.0f} h" for hours in self)
        return low if low == high else f"{low} to {high}"


def _stage(record: Record) -> str | None:
    stage = STAGES.get(record.output.path.split("/")[1])
    runs_network = stage == "scores" and record.arguments().get(OWN_PASSES)
    return "passes" if runs_network else stage


def measured(records: Records) -> pd.DataFrame:
    """Hours by benchmark and stage, one job after another; all the rest, data and pages, in the row ``shared``."""
    rows = []
    for outputs in records.jobs.values():
        record = records[outputs[0]]
        stage, parts = _stage(record), record.output.path.split("/")
        benchmark = parts[2].partition(".")[0] if stage else "shared"
        rows.append({"benchmark": benchmark, "stage": stage or "other", "hours": record.seconds / 3600})
    hours = pd.DataFrame(rows, columns=["benchmark", "stage", "hours"])
    return hours.pivot_table("hours", "benchmark", "stage", "sum").reindex(columns=[*HEADS, "other"]).fillna(0.0)


def finished(config: Config, hours: pd.DataFrame) -> list[str]:
    """The benchmarks of config.yaml that came to their metrics, in its order."""
    return [name for name in config.benchmarks if name in hours.index and hours.at[name, "metrics"]]


def multiplications(benchmark: Benchmark) -> float:
    """Of one forward pass of one image, in units of 1e9."""
    options = benchmark.network.model_dump()
    with torch.device("meta"):
        network = networks.build(options.pop("name"), 10, options).eval()  # few outputs: the head counts for nothing
        image = torch.empty(1, network.channels, network.input_size, network.input_size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    return counter.get_total_flops() / 2e9


def images(benchmark: Benchmark) -> int:
    """How many images a benchmark's networks see, training aside: those of all its sets, for every seed."""
    datasets = catalogue.datasets()
    return len(benchmark.seeds) * sum(datasets[name].count for name in (benchmark.id, *benchmark.ood))


def rates(config: Config, hours: pd.DataFrame) -> dict[str, Range]:
    """Per 1e9 multiplications the passes', per image the other stages' hours: the smallest and the largest measured.

    Raises Problem when no benchmark of config.yaml is finished, or none with a network of any size.
    """
    run = finished(config, hours)
    if not any(multiplications(config.benchmarks[name]) >= LEAST for name in run):
        raise Problem("No convolutional network of config.yaml is finished: nothing was measured. Run one: make demo")
    seen = pd.Series({name: images(config.benchmarks[name]) for name in run})
    size = pd.Series({name: multiplications(config.benchmarks[name]) for name in run})
    work = (seen * size)[size >= LEAST]
    found = {stage: (hours.loc[run, stage] / (work if stage == "passes" else seen)).dropna() for stage in HEADS[1:]}
    return {stage: Range(values.min(), values.max()) for stage, values in found.items()}


def estimate(config: Config, name: str, rate: dict[str, Range]) -> dict[str, Range]:
    """Hours by stage of a benchmark that was not run."""
    about = config.benchmarks[name]
    seen = images(about)
    trained = config.recipes[about.recipe].hours * len(about.seeds) if about.recipe else 0.0
    factors = {"passes": seen * multiplications(about), "scores": seen, "metrics": seen}
    hours = {stage: Range(*(factor * side for side in rate[stage])) for stage, factor in factors.items()}
    return {"networks": Range(trained, trained), **hours}


def processors(records: Records) -> str:
    """The processors of the jobs, the most frequent first."""
    counts = pd.Series([record.gpu or record.cpu for record in records.values()]).value_counts()
    return ", ".join(counts.index)


def table(config: Config, records: Records, wanted: Iterable[str]) -> Iterator[str]:
    """Lines of Markdown: what was measured, then the estimate of each of the ``wanted`` benchmarks that was not run."""
    hours = measured(records)
    rate = rates(config, hours)
    yield f"| h:mm:ss, one job after another | {' | '.join(HEADS)} |"
    yield f"|---|{'---|' * len(HEADS)}"
    for name in finished(config, hours):
        cells = (str(Range(hours.at[name, stage], hours.at[name, stage])) for stage in HEADS)
        yield f"| {config.benchmarks[name].title} | {' | '.join(cells)} |"
    for name in wanted:
        if name not in finished(config, hours):
            about = config.benchmarks[name]
            cells = estimate(config, name, rate)
            where = f" ({config.recipes[about.recipe].hardware})" if about.recipe else ""
            texts = (f"{cells[stage]}{where if stage == 'networks' else ''}" for stage in HEADS)
            yield f"| *{about.title}, not run* | {' | '.join(texts)} |"
    yield ""
    yield f"Measured on {processors(records)}. Not run: an estimate for the same processor."


def own(config: Config) -> list[str]:
    """The papers' own benchmarks. Raises Problem when config.yaml has no edition of them."""
    if PAPERS_OWN not in config.editions:
        raise Problem(
            f"config.yaml: editions: there is no '{PAPERS_OWN}', whose benchmarks are those that the cost is estimated "
            "of. Add it, with the benchmarks of your choice."
        )
    return config.editions[PAPERS_OWN]


def main() -> None:
    config = read()
    print(*table(config, Records.load(), own(config)), sep="\n")


if __name__ == "__main__":
    command.run(main)
