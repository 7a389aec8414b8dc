"""One style for all figures, and how they are saved."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ood.artifacts.evidence import Evidence

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
    "figure.dpi": 110,
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
    with matplotlib.rc_context(STYLE):
        yield


def save(evidence: Evidence, figure: Figure, name: str, caption: str) -> Figure:
    """Write .pdf, .png (the same bytes for the same figure) and the .tex float that includes the .pdf."""
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")  # matplotlib's creation date
    with style():
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # once is enough: drawing is most of a notebook's time
        box = figure.get_tightbbox().padded(PAD)
        figure.savefig(evidence.out / f"{name}.pdf", bbox_inches=box)
        figure.savefig(evidence.out / f"{name}.png", bbox_inches=box, dpi=150, metadata={"Software": None})
    (evidence.out / f"{name}.tex").write_text(
        "\\begin{figure}[htbp]\n\\centering\n"
        f"\\includegraphics[width=\\linewidth]{{{name}.pdf}}\n"
        f"\\caption{{{caption}}}\n\\label{{{name}}}\n\\end{{figure}}\n"
    )
    plt.close(figure)
    return figure
