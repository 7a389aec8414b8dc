"""What the front page says: a table with a row for what is printed, for every benchmark run, and for those not run."""

import textwrap
from pathlib import Path

import pandas as pd

from ood.artifacts.claims import COUNTED
from ood.audit.run import PUBLISHED
from ood.claims import published
from ood.claims.claims import Document
from ood.claims.verdicts import FAILS, HOLDS, NOT_RUN, counted, printed_verdict
from ood.claims.worlds import by_score
from ood.config import Config
from ood.detectors import method, names
from ood.errors import Problem
from ood.front.runs import Run, title

README, FOLDER = Path("README.md"), Path("paper/front")
START, END = "<!-- written by make front -->", "<!-- up to here -->"
OURS = "ours"  # not in the paper's words
NO_BREAK = "\u00a0"  # a table's numbers stay on one line
OWN = "full"  # the edition of the papers' own benchmarks
PAPERS = {"GAIA": "GAIA", "IGOE": "Igoe et al.", "RG": "RG"}
BASELINE = {"msp"}
BY_GRADIENTS = {name for name in names() if method(name).gradient}
HEADS = ("Benchmark", *PAPERS.values(), "Baseline", "Best gradient method", "Best method")


def judged(document: Document, runs: list[Run]) -> pd.DataFrame:
    """A row per claim: source, sentence and whose reading, its verdict in print and on every benchmark of every run.

    A claim that only an older run knows has verdicts without a sentence.
    """
    cells = by_score(published.load(PUBLISHED))
    frame = pd.DataFrame(
        [
            {"id": claim.id, "source": claim.source, "reading": OURS if claim.reading else "", "claim": claim.claim}
            | {"form_of": claim.form_of or ""}
            | printed_verdict(cells, document, claim)
            for claim in document.checked()
        ]
    ).set_index("id")[["source", "reading", "form_of", "claim", "printed"]]
    return pd.concat([frame, *(run.verdicts() for run in runs)], axis="columns").fillna("").rename_axis("id")


def absent(settings: Config, runs: list[Run]) -> list[str]:
    """The titles of the papers' own benchmarks that no released run has."""
    shown = {benchmark for run in runs for benchmark in run.titles}
    own = (settings.benchmarks[name] for name in settings.editions.get(OWN, []) if name not in shown)
    return [title(benchmark.title, benchmark.seeds) for benchmark in own]


def said(document: Document, frame: pd.DataFrame, runs: list[Run], missing: list[str]) -> str:
    """The table in words, the table, the picture, and where they come from."""
    kinds, undecided = " / ".join(COUNTED), sum(claim.holds is None for claim in document.claims)
    readings = (frame["reading"] == OURS).sum()
    sentences = len(frame) - readings - (frame["form_of"] != "").sum()
    unprinted = sentences - len(_printed(frame))
    meaning = (
        f"**{kinds}**: the number of the papers' {sentences} checkable claims with each outcome, for the papers' own "
        f"numbers only {' / '.join(COUNTED[:2])} (of {unprinted} none is printed); what is judged in several forms "
        f"counts once. A row leaves out claims about another kind of benchmark. Not counted: {readings} stricter "
        f"readings of ours, which are judged too, and {undecided} claims that no printed number decides. Where a "
        "benchmark is not the paper's own, *fails* means that the claim did not carry over. The last columns are "
        "average AUROC over a benchmark's OOD sets in percent, mean ± sample standard deviation over seeds, of methods "
        "in their default variant; *best* means best on these very sets. A gradient method scores with gradients, "
        "computed or in closed form. GradNorm is one; RG, which replaces both of its factors, and ODIN, which scores "
        "with softmax after a gradient step on the image, are not."
    )
    where = "; ".join(f"`{run.name}` ({run.origin})" for run in runs)
    origin = f"Released runs: {where}." if runs else "No run is released yet: only what is printed is judged."
    return "\n".join(
        [
            textwrap.fill(meaning, 120),
            "",
            *_table(frame, runs, missing),
            "",
            f"![A row for print and for every benchmark, a sign for each claim: {kinds}]({FOLDER}/claims.svg)",
            "",
            f"The picture has a sign for whatever was judged, stricter readings and every form too. {origin} Claim by "
            f"claim, in words: [claims.csv]({FOLDER}/claims.csv).",
        ]
    )


def _printed(frame: pd.DataFrame) -> pd.Series:
    """By claim that counts, its verdict on what is printed."""
    said = counted(frame.reset_index().assign(reading=lambda claims: claims["reading"] == OURS), "printed")
    return said.set_axis(frame.index[said.index])


def _table(frame: pd.DataFrame, runs: list[Run], missing: list[str]) -> list[str]:
    said = _printed(frame)
    printed = [said[said.index.str.startswith(f"{paper}-")] for paper in PAPERS]
    rows = [["*as printed*", *(f"{sum(verdicts == HOLDS)} / {sum(verdicts == FAILS)}" for verdicts in printed)]]
    for run in runs:
        for benchmark, name in run.titles.items():
            counts = dict(run.counts(benchmark))
            best = [run.best(benchmark, BASELINE), run.best(benchmark, BY_GRADIENTS), run.best(benchmark)]
            rows.append([f"{name}<br>`{run.name}: {benchmark}`", *(counts.get(paper, "") for paper in PAPERS), *best])
    rows += [[f"{name}<br>`{OWN}`", *[NOT_RUN] * len(PAPERS)] for name in missing]
    entries = [[row[0], *(text.replace(" ", NO_BREAK) for text in row[1:])] for row in rows]
    lines = [HEADS, ["---", *[":---:"] * (len(HEADS) - 1)], *entries]
    return ["| " + " | ".join([*line, *[""] * (len(HEADS) - len(line))]) + " |" for line in lines]


def between(page: str, said: str) -> str:
    """The page with this between its two marks. Raises Problem where they are not."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise Problem(
            f"{README} has no place for the front page: put the lines {START} and {END} where it is to stand."
        )
    return f"{before}{START}\n{said}\n{END}{after}"
