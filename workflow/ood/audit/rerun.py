"""Level (c): scores again from the images.

Of some cells, chosen at random, one training seed each: the checkpoint is run over the images again and the detector
scores them again, by the very commands, in a scratch folder. The same kind of processor gives the same bytes; elsewhere
``TOLERANCE``. Finds scores that are not those of the images and the checkpoint, however their records were written.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from ood import ledger
from ood.audit.findings import Finding, Level
from ood.audit.replay import not_done, refused
from ood.audit.run import entries
from ood.errors import Problem
from ood.progress import track
from ood.records import Records

TOLERANCE = 1e-3  # of a column's standard deviation over all images: float32, on another kind of processor
STEPS = {"extraction": "ood.passes.extraction", "score": "ood.evaluation.score"}
PROJECT = ("workflow", "envs", "config.yaml", "paper", "notebooks")


def chosen(targets: list[str], count: int, seed: int) -> list[tuple[str, str]]:
    """Printed cells and a score file that each rests on; the same for the same seed."""
    found = {}
    for edition in targets:
        for name, cell in entries(edition)["cell"].dropna().items():
            benchmark, detector, *_, metric = cell.split("/")
            if detector != "network" and metric != "ms":
                found[name] = (benchmark, detector)
    rng = random.Random(seed)
    picked = rng.sample(sorted(found), min(count, len(found)))
    return [(name, rng.choice(_scores(*found[name]))) for name in picked]


def _scores(benchmark: str, detector: str) -> list[str]:
    folder = Path(ledger.RESULTS, "scores", benchmark)
    if not (found := sorted(map(str, folder.glob(f"seed*/{detector}.parquet")))):
        raise Problem(f"{folder} has no scores of {detector}. Level c is for the folder where the run was made.")
    return found


def command(records: Records, output: str) -> list[str]:
    """The command line that made a file and its siblings."""
    record = records[output]
    made: dict[str, list[str]] = {}
    for sibling in sorted(records.jobs[record.job]):
        made.setdefault(records[sibling].output.argument, []).append(sibling)
    options = []
    for name, paths in (record.arguments() | made).items():
        options += [f"--{name.replace('_', '-')}", *paths]
    return [sys.executable, "-m", STEPS[record.name], *options, "--spec", json.dumps(record.spec)]


def again(records: Records, scores: str, place: Path) -> list[Finding]:
    """Extract and score again in a folder that has the project and, of its results, the inputs alone."""
    if scores not in records:
        return [Finding(scores, "has no record that can be read, so it is not made again")]
    passes = [given.path for given in records[scores].inputs if given.path in records]
    passes = {records[path].job: path for path in passes if records[path].name == "extraction"}
    jobs = [*passes.values(), scores]
    for path in jobs:
        if reason := next(refused(records[path], STEPS), None):
            return [not_done(path, reason)]
    for name in PROJECT:
        (place / name).symlink_to(Path(name).resolve())
    made = {output for path in jobs for output in records.jobs[records[path].job]}
    for path in {given.path for output in jobs for given in records[output].inputs} - made:
        for file in (Path(path), ledger.record_path(Path(path))):
            if file.is_file() and not (place / file).exists():
                (place / file).parent.mkdir(parents=True, exist_ok=True)
                (place / file).symlink_to(file.resolve())
    environment = {**os.environ, "PYTHONPATH": "workflow"}
    for path in track(jobs, "job again", len(jobs)):
        run = subprocess.run(command(records, path), cwd=place, env=environment, capture_output=True, text=True)
        if run.returncode:
            return [Finding(path, f"cannot be made again: {run.stderr.strip()}")]
    return differences(Path(scores), place / scores)


def differences(file: Path, remade: Path) -> list[Finding]:
    """Columns of scores that differ by more than ``TOLERANCE``."""
    if file.read_bytes() == remade.read_bytes():
        return []
    found, expected = pd.read_parquet(file), pd.read_parquet(remade)
    if list(found) != list(expected) or not found[["dataset", "image"]].equals(expected[["dataset", "image"]]):
        return [Finding(str(file), "has other columns or images than the images and the checkpoint give")]
    findings = []
    for name in found.columns[2:]:
        off = np.abs(found[name].to_numpy() - expected[name].to_numpy())
        if not off.max() <= TOLERANCE * expected[name].std():  # NaN, where there is one
            worst = off.argmax()
            where = f"column {name}, image {found['image'][worst]} of {found['dataset'][worst]}"
            findings.append(Finding(str(file), where, str(expected[name][worst]), str(found[name][worst])))
    return findings[:1]


def verify(records: Records, targets: list[str], count: int, seed: int) -> Level:
    """Level (c) of ``count`` cells."""
    cells, findings = chosen(targets, count, seed), []
    for _, scores in cells:
        with tempfile.TemporaryDirectory() as folder:
            findings += again(records, scores, Path(folder))
    images = sum(len(pd.read_parquet(scores, columns=["image"])) for _, scores in cells)
    return Level("c", f"{len(cells)} cells, {images:,} images extracted and scored again", findings)
