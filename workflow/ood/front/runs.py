"""A released run as its crate has it: where it comes from, its verdicts on claims, its average AUROC by method."""

import json
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ood.artifacts.claims import COUNTED, NAME
from ood.artifacts.methods import LABELS
from ood.artifacts.page import plain
from ood.audit.run import EDITIONS
from ood.errors import Problem
from ood.ledger import SUFFIX

TABLE = f"{EDITIONS}/*/artifacts/overview/{NAME}.csv"


@dataclass(frozen=True)
class Run:
    """``origin`` in words; ``titles`` of its benchmarks; the lines of CLAIMS; those of HEADLINE that are averages."""

    name: str
    origin: str
    titles: dict[str, str]
    claims: pd.DataFrame
    averages: pd.DataFrame

    def verdicts(self) -> pd.DataFrame:
        """A row per claim, a column per benchmark, named run/benchmark; empty where the claim does not concern it."""
        lines = self.claims[self.claims["row"].str.contains(".", regex=False)]  # the others count those of a paper
        ours = lines.pivot(index="row", columns="column", values="ours")[list(self.titles)]
        return ours.map(_verdict).add_prefix(f"{self.name}/")

    def counts(self, benchmark: str) -> Iterator[tuple[str, str]]:
        """Of each paper how many of its claims came out how, in the order of COUNTED."""
        for line in self.claims[self.claims["column"] == benchmark].itertuples():
            if "." not in line.row:
                yield line.row, line.ours

    def best(self, benchmark: str, methods: Collection[str] | None = None) -> str:
        """The method of the highest mean of average AUROC, and that with its spread; empty where none was run."""
        found = self.averages[self.averages["benchmark"] == benchmark].dropna(subset="mean")
        found = found if methods is None else found[found["row"].isin(methods)]
        if found.empty:
            return ""
        first = found.loc[found["mean"].idxmax()]
        return f"{plain(LABELS.get(first['row'], first['row']))}<br>{first['ours']}"


def _verdict(ours: str) -> str:
    return next((verdict for verdict in COUNTED if ours.startswith(verdict)), "")


def title(name: str, seeds: Collection[int]) -> str:
    """Of a benchmark, with the number of its training seeds."""
    return f"{name}, {len(seeds)} seeds" if len(seeds) > 1 else name


def read(file: Path) -> Run:
    """A run out of its crate. Raises Problem where that is none, or has not the tables of one edition."""
    try:
        with zipfile.ZipFile(file) as crate:
            return _read(file.stem, crate)
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Problem(
            f"{file} is no crate of a whole edition: {error}. Remove it; make export and make release keep such a one."
        ) from None


def _read(name: str, crate: zipfile.ZipFile) -> Run:
    tables = [path for path in crate.namelist() if Path(path).match(TABLE)]
    if len(tables) != 1:
        raise ValueError(f"{len(tables)} files {TABLE} in it")
    settings = json.loads(crate.read(tables[0] + SUFFIX))["spec"]["settings"]
    about = {name: settings["benchmarks"][name] for name in settings["order"]}
    headlines = {name: str(Path(tables[0]).with_name(f"HEADLINE.{name}.csv")) for name in about}
    methods = pd.concat([_table(crate, path).assign(benchmark=name) for name, path in headlines.items()])
    averages = methods[methods["cell"].str.endswith("/average/AUROC")].reset_index(drop=True)
    records = [json.loads(crate.read(path)) for path in crate.namelist() if path.endswith(SUFFIX)]
    return Run(
        name,
        _origin(records),
        {benchmark: title(facts["title"], facts["seeds"]) for benchmark, facts in about.items()},
        _table(crate, tables[0]),
        averages.assign(mean=pd.to_numeric(averages["mean"])),
    )


def _table(crate: zipfile.ZipFile, path: str) -> pd.DataFrame:
    with crate.open(path) as lines:
        return pd.read_csv(lines, dtype=str, keep_default_na=False)


def _origin(records: list[dict[str, Any]]) -> str:
    """The days of all records, the newest one's commit and of how many, whether any had changes, every processor."""
    newest = max(records, key=lambda record: record["started"])
    days = sorted({record["started"][:10] for record in records})
    count = len({record["commit"] for record in records})
    commit = newest["commit"][:7] if newest["commit"] else "none"
    commits = f"commit {commit}" if count == 1 else f"{count} commits, the last {commit}"
    changed = ", some with uncommitted changes" if any(record["dirty"] for record in records) else ""
    processors = sorted({record["gpu"] or record["cpu"] for record in records})
    return f"{' to '.join(dict.fromkeys((days[0], days[-1])))}, {commits}{changed}, {', '.join(processors)}"
