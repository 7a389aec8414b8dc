"""The table RUNS: of every benchmark the networks, images and methods that were run, and on which processor."""

from typing import Any

import pandas as pd

from ood.artifacts import page
from ood.artifacts.evidence import Evidence
from ood.artifacts.render import SPECIAL, longtable, over_pages, write
from ood.claims.papers import PRINTED
from ood.train.cards import network

NAME = "RUNS"
CAPTION = "What was run, and on what."
FOOT = (
    "Images: of the in-distribution test split, and of all OOD sets together, those outside the averages among them; "
    "images that the ID set has too are left out. Columns of scores: of all variants. "
    "Processor: where the networks were trained or, of published weights, measured; of a CPU also the "
    "instructions that were used. Hosts, dates and times stand in the records."
)
HEADS = ("networks", "images, ID and OOD (each conversion)", "methods, columns of scores", "processor")
NOT_RUN = ("not run", *[""] * (len(HEADS) - 1))


def _networks(cards: list[dict[str, Any]]) -> str:
    first = cards[0]
    kind = network(first)
    if "published" in first:
        return f"{kind}; published weights"
    recipe = first["recipe"]
    seeds = f"{len(cards)} seed{'s' if len(cards) > 1 else ''}"
    return f"{kind}; trained here, {seeds}, {recipe['epochs']} epochs, {first['precision']}"


def described(evidence: Evidence, benchmark: str) -> tuple[str, ...]:
    """What ``HEADS`` say of a benchmark of this edition."""
    about = evidence.benchmarks[benchmark]
    cards = [evidence.card(benchmark, seed) for seed in about["seeds"]]
    cells = evidence.cells.xs(benchmark).reset_index()
    sets = cells[cells["dataset"].isin(about["ood"])].drop_duplicates("dataset")
    scored = cells[cells["detector"].isin(about["detectors"])][["detector", "variant"]].drop_duplicates()
    return (
        _networks(cards),
        f"{sets['n_id'].iloc[0]:,.0f} and {sets['n_ood'].sum():,.0f}",
        f"{len(about['detectors'])}, {len(scored)}",
        "; ".join(dict.fromkeys(card["device"] for card in cards)),
    )


def entries(evidence: Evidence) -> pd.DataFrame:
    """A row per benchmark and column: id and text; of the papers' own benchmarks those that nothing here reproduces."""
    reproduced = {about["reproduces"] for about in evidence.benchmarks.values()}
    lines = {benchmark: described(evidence, benchmark) for benchmark in evidence.benchmarks}
    lines |= dict.fromkeys((name for name in PRINTED if name not in reproduced and name not in lines), NOT_RUN)
    rows = [
        {"id": f"{NAME}/{benchmark}/{head}", "row": benchmark, "column": head, "ours": text}
        for benchmark, texts in lines.items()
        for head, text in zip(HEADS, texts, strict=True)
        if text
    ]
    return pd.DataFrame(rows)


def save(evidence: Evidence) -> pd.DataFrame:
    """Write all files of the table; returns what a browser shows."""
    lines = entries(evidence)
    frame = lines.pivot(index="row", columns="column", values="ours").fillna("")
    frame = frame.loc[lines["row"].unique(), list(HEADS)]
    rows = {
        evidence.where(row): page.sentences(texts, [text and f"{NAME}/{row}/{head}" for head, text in texts.items()])
        for row, texts in frame.iterrows()
    }
    frame = frame.rename(evidence.where)
    html = page.page(NAME, CAPTION, [FOOT], [page.table("benchmark", HEADS, rows, "text")])
    text = f"{NAME}: {CAPTION}\n{FOOT}\n{frame.to_string()}\n"
    write(evidence, NAME, lines, latex(evidence, lines), html, text)
    return frame


def latex(evidence: Evidence, lines: pd.DataFrame) -> str:
    """Layout and ids."""
    known = set(lines["id"])
    body = []
    for benchmark in lines["row"].unique():
        ids = [f"{NAME}/{benchmark}/{head}" for head in HEADS]
        cells = [rf"\ours{{{name}}}" if name in known else "" for name in ids]
        body.append(" & ".join([evidence.where(benchmark).translate(SPECIAL), *cells]) + r" \\")
    head = " & ".join(["", *HEADS])
    return over_pages(longtable([0.15, 0.36, 0.12, 0.12, 0.17], CAPTION, NAME, head, body, FOOT))
