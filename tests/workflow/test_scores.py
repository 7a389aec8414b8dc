"""What a finished run's scores say about each other."""

import pandas as pd
import pytest


def test_gaia_z_of_a_trained_network_hardly_needs_a_gradient(finished):
    """In the late layers the two forms are the same. Over all layers the forward one counts more, by less than 1 %: in
    the first layers of this narrow network some open positions have only closed ReLUs behind them, so that their
    gradient is exactly zero, in float64 too."""
    scores = pd.read_parquet(finished.folder / "results/scores/digits/seed0/gaia_z.parquet")
    assert scores["forward late"].to_numpy() == pytest.approx(scores["late"].to_numpy(), rel=1e-12)
    excess = scores["forward all"] / scores["all"] - 1
    assert excess.min() > -1e-12 and excess.max() < 0.01
    assert scores[["all", "late"]].nunique().min() > len(scores) / 2
