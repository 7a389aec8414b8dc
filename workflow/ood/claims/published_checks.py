"""Do the printed numbers agree with one another? Averages, and which quantities several tables print.

A check returns the printed cells that rounding cannot explain, with what was expected and how far off they
are. A printed number is known to half a unit of its last digit; every tolerance here follows from that alone.
"""

import pandas as pd

RG_TABLES = [f"RG-T{number}" for number in range(1, 8)]
ROW = ["benchmark", "method", "variant", "metric"]
REPORT = ["cell", "file", "line", "statistic", "printed", "expected", "deviation", "tolerance"]
EXACT = 1e-9  # absorbs the rounding of binary floats, far below the last printed digit

# Tables whose average columns (or rows) can be recomputed from their own cells.
OWN_CELLS = {artifact: artifact for artifact in ["GAIA-S-T3", "IGOE-T2", *RG_TABLES]}

_GRIDS = ["IGOE-F2", "IGOE-C-iNaturalist", "IGOE-C-SUN", "IGOE-C-Places"]
_DETAIL = ["IGOE-A1", "IGOE-T1"]
# Quantity, and where it is printed: artifact, method, variant. One quantity, one paper: two papers may have
# used different checkpoints, so that a difference between them would not be a slip. RG-T2 writes U for the
# output part and V for the feature part; "GN" is TV and ||h||_1, "Ours" Energy and the clipped sum.
SAME = [
    ("RG GradNorm", "RG-T1", "Gradnorm", "as printed: Gradnorm"),
    ("RG GradNorm", "RG-T2", "RG U/V ablation", "U=GN; V=GN"),
    ("RG ||h||_1 x Energy", "RG-T1", "Igoe: ||h||_1 x Energy", "as printed: Conor Igoe"),
    ("RG ||h||_1 x Energy", "RG-T2", "RG U/V ablation", "U=Ours; V=GN"),
    ("RG ||h||_1 x Energy", "RG-T3", "RG", "k=inf; T=1"),
    ("RG Energy", "RG-T1", "Energy", "as printed: Energy"),
    ("RG Energy", "RG-T2", "RG U/V ablation", "U=Ours; V=1"),
    ("RG default", "RG-T1", "RG", "as printed: OURS"),
    ("RG default", "RG-T2", "RG U/V ablation", "U=Ours; V=Ours"),
    ("RG default", "RG-T3", "RG", "k=1; T=1"),
    ("RG default", "RG-T4", "RG", "k=1; T=1"),
    ("Igoe VarSum", "IGOE-T2", "VarSum", "U=1 (V only)"),
    *[("Igoe VarSum", artifact, "ExGrad V term: sum_k p_k(1-p_k)", "N/A") for artifact in _DETAIL],
    ("Igoe TV", "IGOE-T2", "TV", "U=1 (V only)"),
    *[("Igoe TV", artifact, "GradNorm V term: sum_k |1/C - p_k|", "N/A") for artifact in _DETAIL],
    ("Igoe ExGrad", "IGOE-T2", "ExGrad", "last-layer gradient"),
    *[("Igoe ExGrad", artifact, "E_p[||grad log p_Y||_1] (ExGrad)", "Shallow") for artifact in _DETAIL],
    ("Igoe GradNorm", "IGOE-T2", "GradNorm", "last-layer gradient (= ||h||_1 x TV)"),
    *[("Igoe GradNorm", artifact, "||grad E_unif[log p_Y]||_1 (GradNorm)", "Shallow") for artifact in _DETAIL],
    *[("Igoe GradNorm", grid, "TV", "U=||h||_p, p=1") for grid in _GRIDS],
    *[
        (f"Igoe ||h||_1 x {method}", artifact, method, variant)
        for method in ["Energy", "MSP", "VarSum"]
        for artifact, variant in [("IGOE-T2", "U=||h||_1"), *((grid, "U=||h||_p, p=1") for grid in _GRIDS)]
    ],
]


def _half_unit(digits: pd.Series) -> pd.Series:
    return 0.5 * 10.0**-digits


def _slips(cells: pd.DataFrame) -> pd.DataFrame:
    """The rows whose deviation exceeds its tolerance; a missing number exceeds every tolerance."""
    beyond = ~(cells["deviation"].abs() <= cells["tolerance"] + EXACT)
    return cells.loc[beyond, REPORT].reset_index(drop=True)


def _averages(published: pd.DataFrame, cells_of: dict[str, str]) -> pd.DataFrame:
    """The printed averages of the tables in ``cells_of``, each beside the mean of its cells."""
    averaged = published["ood_dataset"].str.extract(r"^average of (\d+)$")[0].astype(float)
    averages = published.assign(size=averaged)[averaged.notna()]
    averages = averages.assign(source=averages["artifact"].map(cells_of)).dropna(subset="source")
    cells = published.assign(half=_half_unit(published["decimals"]))[averaged.isna()]
    cells = cells.groupby(["artifact", *ROW]).agg(
        mean=("value", "mean"), count=("value", "count"), half=("half", "max")
    )
    averages = averages.merge(cells, how="left", left_on=["source", *ROW], right_index=True)
    # The "average of 4" of any other number of cells has no expected value.
    return averages.assign(mean=averages["mean"].where(averages["size"] == averages["count"]))


def _mean_deviations(averages: pd.DataFrame) -> pd.DataFrame:
    # Cells that are off by at most half a unit move their mean by at most half a unit.
    tolerance = _half_unit(averages["decimals"]) + averages["half"]
    averages = averages.assign(statistic="mean", expected=averages["mean"], tolerance=tolerance)
    return averages.assign(deviation=averages["value"] - averages["expected"])


def average_slips(published: pd.DataFrame) -> pd.DataFrame:
    """Averages that are not the mean of the cells printed beside them: the columns of REPORT."""
    return _slips(_mean_deviations(_averages(published, OWN_CELLS)))


def quantities(published: pd.DataFrame) -> pd.Series:
    """What each printed cell prints, by cell: one of SAME for a set and a metric, or what no other does."""
    names = {tuple(place): quantity for quantity, *place in SAME}
    places = zip(published["artifact"], published["method"], published["variant"], strict=True)
    known = pd.Series([names.get(place) for place in places], index=published.index)
    named = known + "/" + published["id_dataset"] + "/" + published["ood_dataset"] + "/" + published["metric"]
    return named.fillna(published["cell"]).set_axis(published["cell"])
