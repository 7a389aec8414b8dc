"""A benchmark for the tests of tables and figures, whose every cell has the same values, and one entry of a table."""

from pathlib import Path

import numpy as np
import pandas as pd

from ood.artifacts import agreement, igoe, igoe_gradients, times
from ood.artifacts.evidence import Evidence
from ood.detectors import method, names

PUBLISHED = Path(__file__).parents[3] / "paper" / "published"
ABOUT = {
    "title": "MNIST",
    "id": "mnist",
    "ood": ["svhn_grey_corner", "letters"],
    "averages": {"average": ["svhn_grey_corner", "letters"]},
    "seeds": [0, 1, 2],
    "detectors": ["rg", "gradnorm", "exgrad", "encoding_output"],
    "timed": [],
    "reproduces": "small_scale",
    "saliency": False,
}
METHODS = {name: {"default": method(name).default} for name in names()}


def evidence(folder: Path, values: list[float], **changes) -> Evidence:
    """A benchmark whose every cell has these values."""
    about = ABOUT | {"seeds": list(range(len(values)))} | changes
    variants = {
        "rg": ["k=1 T=1", "k=inf T=1", "U=clip V=tv", "U=clip V=1"],
        "gradnorm": ["weight", "weight_and_bias"],
        "exgrad": ["weight", "weight_and_bias"],
        "gradients": [f"S{number} weight_and_bias" for number in (2, 3, 5, 6)],
        "encoding_output": [f"U={u} V={v}" for u in ("1", "norm1") for v in igoe.OUTPUTS],
    }
    rows = [
        {"benchmark": "mnist", "detector": detector, "variant": variant, "dataset": dataset, "metric": metric}
        | {"values": values, "seeds": about["seeds"], "mean": np.mean(values), "low": 0.93, "high": 0.96}
        | {"std": np.std(values, ddof=1) if len(values) > 1 else np.nan}
        for detector in variants
        for variant in variants[detector]
        for dataset in (*about["ood"], *about["averages"])
        for metric in ("AUROC", "FPR95", "AUROC_pairwise_flip")
    ]
    (folder / "cells").mkdir()
    pd.DataFrame(rows).to_parquet(folder / "cells" / "mnist.parquet")
    return Evidence({"mnist": about}, ["mnist"], {}, METHODS, 0.95, str(folder), str(PUBLISHED), str(folder))


def entry(table, given: Evidence, name: str) -> pd.Series:
    return table.entries(given).set_index("id").loc[name]


TABLES = {
    "GAIA-S-T1": times.time_per_image,
    "IGOE-T1": igoe_gradients.gradient_scores,
    "IGOE-T3": igoe_gradients.batchgrad,
    **agreement.ACROSS,
    **agreement.TABLES,
}
