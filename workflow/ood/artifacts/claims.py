"""CLAIMS: what the papers claim, whether their own printed cells say so, and whether our benchmarks do.

A table of sentences rather than of numbers, so it has its own layout; what it says still reaches the page by id alone,
``CLAIMS/<claim>/<benchmark>`` and, for the counts, ``CLAIMS/<paper>/<benchmark>``.
"""

from html import escape

import pandas as pd

from ood.artifacts import page
from ood.artifacts.evidence import Evidence
from ood.artifacts.render import SPECIAL, longtable, over_pages, write
from ood.claims.verdicts import counted

NAME = "CLAIMS"
CAPTION = "What the papers claim, on their own printed cells and on our benchmarks."
FOOT = (
    "Margin: the difference that decides, in percentage points (times in ms), above 0 where the claim holds, with its "
    "own interval (at bootstrap.confidence of config.yaml) from resampled images and, from two seeds on, the spread "
    "over seeds. The interval is not corrected for the number of claims, the verdict is: holds and fails are said "
    "where the p-value, corrected for the parts of the claim and (Holm) for all claims of the paper on the benchmark, "
    "says so at that confidence; within noise means that neither can be said. Which comparison decides, in the words "
    "of paper/claims.yaml, is in CLAIMS.csv; in a browser it shows where the pointer rests. Printed: on the paper's "
    "own cells, an average being the mean of the cells printed beside it. Of Igoe et al.'s small networks these have "
    "the better sign of a score for each OOD set, once its AUROC is known; ours have one sign, which no OOD set chose. "
    "A dash: the claim does not concern the benchmark, or cannot be judged there. Where a benchmark is not the paper's "
    "own, a verdict says whether the claim carries over to it, not whether it is true. Where it has one of a paper's "
    "several networks, brackets say if the cells printed for that one have another verdict than all of them. Our "
    "reading: not in the paper's words, but read off a table, or more strictly than said; it is judged, and not "
    "counted. Another form of a claim: the same sentence, put so that it can be judged where the first cannot; of the "
    "forms one counts. Of a method with several variants a claim takes the one that the paper's numbers are of, which "
    "need not be the default that other tables show: ReAct clips at RG's 1, KL-Matching has test labels, Mahalanobis "
    "is that of the released codes where it is run, MOS has K-means groups. Where the paper's own is not at hand or "
    "not certain, it is the default: KNN has k = 50, BatchGrad prototypes of training images; GradNorm and ExGrad are "
    "of the last layer's weights alone, but as two of the seven gradient scores with its bias."
)
COUNTED = ("holds", "fails", "within noise", "not run")


def entries(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per claim and benchmark, and per paper and benchmark: id, what is printed of it, ours, as text."""
    judged = frame[frame["holds"] != ""]
    lines = judged.assign(
        id=NAME + "/" + judged["id"] + "/" + judged["benchmark"],
        row=judged["id"],
        column=judged["benchmark"],
        printed=[_printed(row) for row in judged.itertuples()],
        ours=[_ours(row) for row in judged.itertuples()],
    )
    counts = [
        {
            "id": f"{NAME}/{paper}/{benchmark}",
            "row": paper,
            "column": benchmark,
            "printed": _count(counted(part, "printed"), COUNTED[:2]),
            "ours": _count(counted(part, "verdict"), COUNTED),
        }
        for (paper, benchmark), part in judged.groupby(["paper", "benchmark"], sort=False)
    ]
    facts = ["margin", "low", "high", "p", "p_holm", "noise", "decided", "why"]
    columns = ["id", "row", "column", "printed", "ours", *facts]
    return pd.concat([pd.DataFrame(counts), lines[columns]], ignore_index=True)


def _count(verdicts: pd.Series, kinds: tuple[str, ...]) -> str:
    return " / ".join(str((verdicts == kind).sum()) for kind in kinds)


def _printed(row: tuple) -> str:
    other = f", but {row.by_printed_averages} by the printed averages" if row.by_printed_averages else ""
    return (row.printed or "\u2013") + other


def _ours(row: tuple) -> str:
    if pd.isna(row.margin):
        return row.verdict or "\u2013"
    there = f" (its print: {row.printed_there})" if row.printed_there not in ("", row.printed) else ""
    return f"{row.verdict} {row.margin:.2f} [{row.low:.2f}, {row.high:.2f}]".replace("-", "\u2212") + there


def save(evidence: Evidence) -> pd.DataFrame:
    """Write all files of the table; returns the counts of verdicts by paper."""
    frame = pd.concat([evidence.verdicts(name) for name in evidence.benchmarks], ignore_index=True)
    about, lines = frame.drop_duplicates("id"), entries(frame)
    shown = wide(lines, evidence)
    counts, claims = shown[shown.index.isin(frame["paper"])], shown[shown.index.isin(frame["id"])].reset_index()
    texts = about.set_index("id")
    claims.insert(1, "claim", list(texts.loc[claims["claim id"], "claim"]))
    sources = pd.Series([_source(row) for row in about.itertuples()], texts.index)
    claims.insert(2, "source", list(sources.loc[claims["claim id"]]))
    left = texts.loc[texts["unchecked"] != "", ["claim", "unchecked"]]
    frames = [counts, claims.set_index("claim id"), left]
    caption = f"{CAPTION} Counts: {' / '.join(COUNTED)}"
    heads = [f"{NAME}: {caption}", FOOT, "Claims that no cell decides."]
    names = list(evidence.benchmarks)
    decided = lines.set_index("id")["decided"].dropna().loc[lambda of: of != ""]
    tables = [_browsed(frame, of, decided) for frame, of in zip(frames, (names, names, []), strict=True)]
    html = page.page(NAME, caption, [FOOT], tables)
    text = [f"{head}\n{frame.to_string(justify='left')}" for head, frame in zip(heads, frames, strict=True)]
    write(evidence, NAME, lines, latex(about, evidence), html, "\n\n".join(text) + "\n")
    return counts


def _browsed(frame: pd.DataFrame, benchmarks: list[str], decided: pd.Series) -> str:
    """The last columns are of these benchmarks, the one before is print, as the claim concerns the first of them.

    ``decided``: by id of ours, the comparison that decides.
    """
    of = [*benchmarks[:1], *benchmarks]
    of = [""] * (len(frame.columns) - len(of)) + of

    ours = len(of) - len(benchmarks)

    def entry(text: str, row: str, place: int) -> page.Entry:
        verdict = next((verdict for verdict in COUNTED[:2] if text.startswith(verdict)), "")
        name = f"{NAME}/{row}/{of[place]}" if of[place] else ""
        about = f": {decided[name]}" if place >= ours and name in decided else ""
        return page.Entry(f'<span class="{verdict}">{escape(text)}</span>', id=name, about=about)

    rows = {row: [entry(text, row, place) for place, text in enumerate(texts)] for row, *texts in frame.itertuples()}
    return page.table(frame.index.name, frame.columns, rows, "text")


def wide(lines: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
    """A row per paper or claim; printed, then a column per benchmark."""
    titles = evidence.titles
    ours = lines.pivot(index="row", columns="column", values="ours")[list(titles)].rename(columns=titles)
    ours.insert(0, "printed", lines.drop_duplicates("row").set_index("row")["printed"])
    return ours.loc[lines["row"].drop_duplicates()].rename_axis("claim id").rename_axis(None, axis="columns")


def latex(about: pd.DataFrame, evidence: Evidence) -> str:
    """The counts, the claims that are judged, and those that cannot be: layout and ids."""
    benchmarks, titles = list(evidence.titles), list(evidence.titles.values())
    heads = " & ".join(["printed", *titles])

    def line(label: str, row: str) -> str:
        ids = [rf"\printed{{{NAME}/{row}/{benchmarks[0]}}}", *(rf"\ours{{{NAME}/{row}/{name}}}" for name in benchmarks)]
        return " & ".join([label, *ids]) + r" \\[2pt]"

    judged, left = about[about["holds"] != ""], about[about["unchecked"] != ""]
    claims = [line(_claim(row), row.id) for row in judged.itertuples()]
    reasons = [rf"{_claim(row)} & {row.unchecked.translate(SPECIAL)} \\[2pt]" for row in left.itertuples()]
    widths, foot = [0.4, 0.1, *[0.44 / len(titles)] * len(titles)], FOOT.translate(SPECIAL)
    return over_pages(
        _counts(list(judged["paper"].unique()), evidence.titles),
        longtable(widths, CAPTION, NAME, f"claims & {heads}", claims, foot),
        longtable([0.5, 0.46], "Claims that no cell decides.", f"{NAME}.unchecked", "claim & why not", reasons),
    )


def _counts(papers: list[str], titles: dict[str, str]) -> list[str]:
    """A line for print and for each benchmark, a column per paper: narrow enough for an upright page."""

    def line(label: str, kind: str, benchmark: str) -> str:
        return " & ".join([label, *(rf"\{kind}{{{NAME}/{paper}/{benchmark}}}" for paper in papers)]) + r" \\"

    caption = (
        f"Of how many claims each was found: {' / '.join(COUNTED)}; on print the first two. Our readings do not count, "
        "nor claims that do not concern a benchmark (a dash below); of several forms of a claim one does."
    )
    lines = [line(title, "ours", name) for name, title in titles.items()]
    shares = [0.4, *[0.54 / len(papers)] * len(papers)]
    heads = " & ".join(["benchmark", *papers])
    return longtable(
        shares, caption, f"{NAME}.counts", heads, [line("as printed", "printed", next(iter(titles))), *lines]
    )


def _claim(row: tuple) -> str:
    return rf"\textbf{{{row.id}}} {row.claim.translate(SPECIAL)} ({_source(row).translate(SPECIAL)})"


def _source(row: tuple) -> str:
    reading, form = ", our reading" if row.reading else "", f", another form of {row.form_of}" if row.form_of else ""
    return f"{row.source}{form}{reading}"
