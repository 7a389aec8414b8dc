"""How far is the experiment? What is fresh, stale, missing or failed, why, and the hours left: ``make status``.

Nothing is run. Snakemake says what would be (ood.jobs.plan); hours are those that the jobs took before, by their
records.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ood import command
from ood.artifacts import ARTIFACTS
from ood.config import Config, read
from ood.jobs.plan import FAILED, STALE, STATES, Job, plan

# What a benchmark comes through, by the folders of results/; downloads count as data.
STAGES = ("data", "checkpoints", "features", "scores", "timing", "closeups", "metrics", "cells")
STAGES += ("summaries", "rounding", "claims")
# What an edition has besides artifacts and notebooks.
TITLES = {
    "networks": "training cards",
    "lineage": "where each number comes from",
    "appendix": "PDF of all tables and figures",
}
CAUSES = 3  # that many are named on a line


class Cost(NamedTuple):
    """Seconds of jobs, one after another, on a CPU and on a GPU, and the number of jobs whose time nobody knows."""

    cpu: float = 0.0
    gpu: float = 0.0
    unknown: int = 0

    def __str__(self) -> str:
        parts = [f"{clock(self.cpu)} CPU"] if self.cpu else []
        parts += [f"{clock(self.gpu)} GPU"] if self.gpu else []
        parts += [f"{self.unknown:.0f} unknown"] if self.unknown else []
        return " + ".join(parts)


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def total(costs: Iterable[Cost]) -> Cost:
    return Cost(*map(sum, zip(Cost(), *costs, strict=True)))


def _expected(job: Job, config: Config) -> Cost:
    """What is known of a job whose like never ran: of a training, its recipe's hours."""
    if job.rule != "train":
        return Cost(unknown=1)
    recipe = config.recipes[config.benchmarks[job.benchmark].recipe]
    return Cost(**{"gpu" if "GPU" in recipe.hardware else "cpu": 3600 * recipe.hours})


def remaining(jobs: list[Job], config: Config) -> dict[Job, Cost]:
    """The cost of each job that would run: what it took last, else the mean of its rule's jobs on its benchmark.

    Only of jobs on one benchmark: what one dataset took to prepare says nothing about another.
    """
    measured = {
        job: Cost(**{"gpu" if job.record["gpu"] else "cpu": job.record["seconds"]}) for job in jobs if job.record
    }
    alike = defaultdict(list)
    for job, cost in measured.items():
        if job.benchmark:
            alike[job.rule, job.benchmark].append(cost)
    means = {like: Cost(*(value / len(costs) for value in total(costs))) for like, costs in alike.items()}
    return {
        job: measured.get(job) or means.get((job.rule, job.benchmark)) or _expected(job, config)
        for job in jobs
        if job.runs
    }


def _why(jobs: Iterable[Job]) -> str:
    """Why what is there would be made again, and what failed. That what is missing was missing says nothing."""
    causes = list(
        dict.fromkeys(
            cause for job in jobs for cause in job.causes if job.state() == STALE or not cause.startswith("missing ")
        )
    )
    more = [f"and {len(causes) - CAUSES} more"] if len(causes) > CAUSES else []
    return "; ".join(causes[:CAUSES] + more)


def _stage(job: Job) -> str:
    folder = job.outputs[0].parts[1]
    return "data" if folder == "archives" else folder


def _stages(benchmark: str, jobs: list[Job], left: dict[Job, Cost]) -> Iterator[str]:
    """A line for each stage of a benchmark: how many of its jobs are in which state, the cost left, why."""
    concerned = {other for job in jobs if job.benchmark == benchmark for other in job.upstream()}
    for stage in STAGES:
        members = [job for job in jobs if job in concerned and _stage(job) == stage]
        states = Counter(job.state() for job in members)
        counts = "".join(f"{states[state] or '.':>8}" for state in STATES)
        cost = total(left[job] for job in members if job.runs)
        if members:
            yield f"{benchmark:<22} {stage:<11}{counts}  {cost!s:<36}  {_why(members)}"


def _artifacts(edition: str, jobs: list[Job]) -> Iterator[str]:
    """A line for each artifact and the benchmark it shows, in the catalogue's order, then for the other documents."""
    made: dict[tuple[str, str], dict[Job, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for job in jobs:
        for output in job.outputs:
            if output.parts[:3] == ("results", "editions", edition):
                page = output.parent.name in TITLES
                name, *benchmark, _ = [output.parent.name, ""] if page else output.name.split(".")
                made[name, "".join(benchmark)][job].append(output)
    order = [*ARTIFACTS, *sorted({name for name, _ in made} - set(ARTIFACTS))]
    for name, benchmark in sorted(made, key=lambda row: order.index(row[0])):
        makers = made[name, benchmark]
        state = max((job.state(*outputs) for job, outputs in makers.items()), key=STATES.index)
        title = ARTIFACTS[name].title if name in ARTIFACTS else TITLES.get(name, "notebook")
        yield f"{name:<11} {benchmark:<22} {state:<8} {title:<34}  {_why(makers)}"


def report(config: Config, editions: list[str]) -> Iterator[str]:
    """Lines: benchmarks by stage, artifacts of each edition, totals, failures."""
    benchmarks = config.benchmarks_of(editions)
    jobs = plan(*editions)
    left = remaining(jobs, config)
    yield f"{'benchmark':<22} {'stage':<11}{''.join(f'{state:>8}' for state in STATES)}  {'time left':<36}  why"
    for benchmark in benchmarks:
        yield from _stages(benchmark, jobs, left)
    for edition in editions:
        yield f"\n{'edition ' + edition:<34} state"
        yield from _artifacts(edition, jobs)
    states = Counter(job.state() for job in jobs)
    yield f"\n{len(jobs)} jobs: {', '.join(f'{states[state]} {state}' for state in STATES)}."
    if left:
        yield f"{len(left)} would run; one after another they take {total(left.values())}."
    yield from (f"{job.outputs[0]} {job.failure()}" for job in jobs if job.state() == FAILED)


def main() -> None:
    config = read()
    print(*map(str.rstrip, report(config, sys.argv[1:] or config.default)), sep="\n")


if __name__ == "__main__":
    command.run(main)
