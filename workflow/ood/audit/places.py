"""Which step makes a file is a matter of where it lies: what a record says of that must agree.

A record may come from anyone, and what an audit does again depends on the step that it names: under another name a
forged file would not be made again.
"""

import re

from ood.ledger import RESULTS

# Below results/, as the outputs of the workflow's rules; the first that matches counts. Steps by name, as records may
# come from a version whose folders were others.
PLACES = tuple(
    (re.compile(rf"{RESULTS}/{pattern}"), tuple(steps.split()))
    for pattern, steps in (
        (r"archives/.+", "fetch"),
        (r"data/disjoint/\w+\.json", "disjoint"),
        (r"data/\w+/images\.npy", "prepare"),
        (r"data/\w+/images\.tar", "pack"),
        (r"data/\w+/(index\.parquet|card\.json|sheet\.png)", "prepare pack"),
        (r"checkpoints/\w+/seed\d+/(model\.safetensors|card\.json)", "training adoption"),
        (r"checkpoints/\w+/seed\d+/timing\.json", "training"),
        (r"checkpoints/\w+/seed\d+/accepted\.json", "acceptance"),
        (r"(features|attributions)/\w+/seed\d+/\w+\.safetensors", "extraction"),
        (r"closeups/\w+\.safetensors", "closeup"),
        (r"timing/\w+\.parquet", "timing"),
        (r"scores/\w+/seed\d+/\w+\.parquet", "score"),
        (r"metrics/\w+/\w+\.parquet", "evaluate"),
        (r"cells/\w+\.parquet", "cells"),
        (r"summaries/\w+\.parquet", "summaries"),
        (r"rounding/\w+\.parquet", "rounding"),
        (r"claims/\w+\.parquet", "verdicts"),
        (r"editions/\w+/artifacts/.+", "notebook"),
        (r"editions/\w+/notebooks/\w+\.(html|ipynb)", "notebook"),
        (r"editions/\w+/lineage/[^/]+\.html", "pages"),
        (r"editions/\w+/networks\.html", "training_cards"),
        (r"editions/\w+/appendix\.pdf", "paper"),
    )
)


def steps(path: str) -> tuple[str, ...]:
    """The names of the steps that make files at this place; none where no step makes any."""
    return next((names for pattern, names in PLACES if pattern.fullmatch(path)), ())
