"""The index of a prepared dataset: one row per image, written by ood.data.prepare."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq


def column(index: Path, name: str) -> np.ndarray:
    """One column, a value per image."""
    # read_table would import pyarrow.dataset, which takes as long as scoring does.
    return np.array(pq.ParquetFile(index).read([name])[name].to_pylist())
