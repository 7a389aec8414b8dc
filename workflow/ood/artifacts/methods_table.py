"""The table METHODS: what every method is, where it comes from, and with which settings it was run."""

from collections import Counter

import pandas as pd

from ood.artifacts import methods, page
from ood.artifacts.evidence import Evidence
from ood.artifacts.render import longtable, over_pages, write

NAME = "METHODS"
CAPTION = "What the methods are, and with which settings they were run."
FOOT = (
    "Default variant: what tables with one row for a method show. Settings: the values of all options, as "
    "config.yaml sets them or the method has them; of a benchmark with others these stand behind its name. Which "
    "values a table sweeps over stands in that table."
)
HEADS = ("what it is", "source", "default variant", "settings")


def settings(evidence: Evidence, texts: dict[str, str]) -> str:
    """Those of most benchmarks, then what others have instead."""
    usual = Counter(texts.values()).most_common(1)[0][0]
    others = [f"{evidence.titles[name]}: {text}" for name, text in texts.items() if text != usual]
    return "; ".join([usual or "none", *others])


def entries(evidence: Evidence) -> pd.DataFrame:
    """A row per method and column: id and text."""
    running = dict.fromkeys(name for about in evidence.benchmarks.values() for name in about["detectors"])
    rows = [
        {"id": f"{NAME}/{name}/{head}", "row": name, "column": head, "ours": text}
        for name in running
        for about in [evidence.methods[name]]
        for head, text in zip(
            HEADS,
            (about["what"], about["source"], about["default"], settings(evidence, about["settings"])),
            strict=True,
        )
    ]
    return pd.DataFrame(rows)


def save(evidence: Evidence) -> pd.DataFrame:
    """Write all files of the table; returns what a browser shows."""
    lines = entries(evidence)
    frame = lines.pivot(index="row", columns="column", values="ours")
    frame = frame.loc[lines["row"].unique(), list(HEADS)]
    rows = {
        page.plain(methods.label(row)): page.sentences(texts, [f"{NAME}/{row}/{head}" for head in HEADS])
        for row, texts in frame.iterrows()
    }
    html = page.page(NAME, CAPTION, [FOOT], [page.table("method", HEADS, rows, "text")])
    write(evidence, NAME, lines, latex(frame), html, f"{NAME}: {CAPTION}\n{FOOT}\n{frame.to_string()}\n")
    return frame


def latex(frame: pd.DataFrame) -> str:
    """Layout and ids."""
    body = []
    for row in frame.index:
        ids = [rf"\ours{{{NAME}/{row}/{head}}}" for head in HEADS]
        body.append(" & ".join([methods.label(row), *ids]) + r" \\[2pt]")
    head = " & ".join(["", *HEADS])
    return over_pages(longtable([0.13, 0.22, 0.32, 0.12, 0.21], CAPTION, NAME, head, body, FOOT))
