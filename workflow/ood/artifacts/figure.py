"""One style for all figures, and how they are saved.

A number that a caption says is an entry of the figure's .csv, as a table's are: it has an id, artifact/benchmark/what,
by which alone it reaches the page.
"""

import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ood.artifacts.evidence import Evidence
from ood.artifacts.render import write_numbers

STYLE = {
    "font.family": "serif",
    "font.serif": ["cmr10"],  # Computer Modern, as in the appendix; ships with matplotlib
    "axes.formatter.use_mathtext": True,
    "mathtext.fontset": "cm",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "figure.dpi": 150,
}
# Okabe and Ito's colours, told apart by colour-blind readers and, by lightness, in grey.
ID_COLOUR = "#0072B2"
OOD_COLOUR = "#D55E00"
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
WIDTH = 6.3  # inches, the appendix's text width
HEIGHT = 8.6  # inches that a figure may take of a page, its caption below
PAD = 0.1  # inches around what is drawn


@contextmanager
def style() -> Iterator[None]:
    """The look of all figures, while they are drawn."""
    with matplotlib.rc_context(STYLE):
        yield


@dataclass
class Drawn:
    """A saved figure, which a notebook shows as it was saved: drawing it again would be a third of its time."""

    png: Path

    def __repr__(self) -> str:
        return self.png.name

    def _repr_png_(self) -> bytes:
        return self.png.read_bytes()


def wrapped(title: str, width: int = 18) -> str:
    """A set's name over a narrow panel, on as many lines as it takes."""
    return "\n".join(textwrap.wrap(title, width))


def said(artifact: str, benchmark: str, what: str) -> str:
    """A number of a figure in its caption: TeX."""
    return rf"\ours{{{artifact}/{benchmark}/{what}}}"


def entries(name: str, numbers: dict[str, str]) -> pd.DataFrame:
    """A row for each of the figure's ``numbers``, text by what it is of."""
    artifact, _, benchmark = name.partition(".")
    rows = [(f"{artifact}/{benchmark}/{what}", benchmark, what, text) for what, text in numbers.items()]
    return pd.DataFrame(rows, columns=["id", "row", "column", "ours"])


def save(evidence: Evidence, figure: Figure, name: str, caption: str, numbers: dict[str, str] | None = None) -> Drawn:
    """Write .pdf, .png (the same bytes for the same figure) and the .tex float that includes the .pdf.

    ``numbers``: those of an artifact whose figures have some (``counts`` in the catalogue), written as .csv.
    """
    if numbers is not None:
        write_numbers(evidence, name, entries(name, numbers))
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # matplotlib's creation date, whatever the caller's environment says
    with style():
        figure.draw_without_rendering()
        figure.set_layout_engine(None)  # once is enough: drawing is most of a notebook's time
        box = figure.get_tightbbox().padded(PAD)
        figure.savefig(evidence.out / f"{name}.png", bbox_inches=box, metadata={"Software": None})
        figure.savefig(evidence.out / f"{name}.pdf", bbox_inches=box)
    (evidence.out / f"{name}.tex").write_text(
        "\\begin{figure}[htbp]\n\\centering\n"
        f"\\includegraphics[width=\\linewidth]{{{name}.pdf}}\n"
        f"\\caption{{{caption}}}\n\\label{{{name}}}\n\\end{{figure}}\n"
    )
    plt.close(figure)
    return Drawn(evidence.out / f"{name}.png")
