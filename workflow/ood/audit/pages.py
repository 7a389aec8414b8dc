"""Where every printed number comes from, as pages for a browser: one per table or figure, an anchor per cell id.

The numbers of the appendix and of the tables' own pages link here, and a table stands here again, above its origin: the
one page of it that a report shows, and small, as browsers open no more than two megabytes out of a report of one file.
The pages tell of files, digests and records, nothing of hosts and times, so the same results give the same pages;
``make show`` tells the circumstances too.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape, unescape
from pathlib import Path

import numpy as np
import pandas as pd

from ood.artifacts import ARTIFACTS
from ood.artifacts.anchors import anchor
from ood.artifacts.figure import ID_COLOUR, OOD_COLOUR
from ood.artifacts.methods import LABELS
from ood.artifacts.page import BOX, SCRIPT, STYLE, article, plain
from ood.audit.findings import short
from ood.audit.lineage import Lineage
from ood.audit.run import Run, read
from ood.audit.show import number, subject
from ood.detectors import method
from ood.ledger import RESULTS
from ood.progress import track
from ood.records import Records
from ood.step import Input, Inputs, Outputs, Spec, run

BINS, WIDTH, HEIGHT = 40, 240, 60
NEAR = 4  # steps back from a table: to the scores
CSS = (
    "main{max-width:75em} section{border-top:1px solid #ccc;"
    f"display:grid;grid-template-columns:1fr {WIDTH}px;column-gap:2em;padding:.6em 0}} "
    "section:target{background:#fff6d6} h2{font-size:1em;margin:0} h2,section>a{grid-column:1/3} "
    "main{table{justify-self:start} th{text-align:left;font-weight:normal;color:#555;padding-right:1em;"
    "vertical-align:top;white-space:nowrap} td{font-variant-numeric:tabular-nums}} code{font-size:12px} "
    f"svg{{width:{WIDTH}px;height:{HEIGHT}px}} svg path{{fill-opacity:.4}} .id{{fill:{ID_COLOUR}}} "
    f".ood{{fill:{OOD_COLOUR}}}"
)
LEGEND = (
    f'Histograms: scores of the first seed, <span style="color:{ID_COLOUR}">in-distribution</span> and '
    f'<span style="color:{OOD_COLOUR}">out-of-distribution</span>, each of area one; higher is more in-distribution; '
    "one in two hundred left out on either side."
)
TABLE_OF_FILES = "<thead><tr><th>file</th><th>sha256</th><th>record</th><th>code</th><th>step</th></tr></thead>"


def histogram(ids: np.ndarray, oods: np.ndarray) -> str:
    """Two outlines over the same bins, as an SVG element."""
    low, high = np.percentile(np.concatenate([ids, oods]), [0.5, 99.5])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    shares = [np.histogram(part, edges)[0] / len(part) for part in (ids, oods)]
    top = max(share.max() for share in shares) or 1
    paths = "".join(
        f'<path class="{name}" d="{_outline(share / top)}"/>' for name, share in zip(("id", "ood"), shares, strict=True)
    )
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}">{paths}</svg>'


def _outline(heights: np.ndarray) -> str:
    step = WIDTH // BINS
    tops = "".join(f"V{HEIGHT - round(HEIGHT * float(height))}h{step}" for height in heights)
    return f"M0 {HEIGHT}{tops}V{HEIGHT}Z"


@cache
def _scores(path: str, variant: str) -> pd.DataFrame:
    return pd.read_parquet(path, columns=["dataset", variant])


def drawn(traced: Lineage) -> str:
    """The histogram of a metric of scores; of anything else nothing."""
    key = traced.key
    if not key or key["detector"] == "network" or key["metric"] == "ms":
        return ""
    path = Path(RESULTS, "scores", key["benchmark"], f"seed{traced.cell['seeds'][0]}", f"{key['detector']}.parquet")
    scores = _scores(str(path), key["variant"])
    identity, *oods = traced.datasets
    values = scores[key["variant"]].to_numpy()
    return histogram(values[scores["dataset"] == identity], values[scores["dataset"].isin(oods)])


def nearest(traced: Lineage) -> tuple[str, ...]:
    """The results that a cell rests on, back to the scores."""
    return tuple(dict.fromkeys(path for depth, path in traced.files() if depth < NEAR and path.startswith(RESULTS)))


def heads(table: str) -> dict[str, str]:
    """What a table's rows are called, as HTML, by the anchors of their numbers."""
    rows = re.findall(r"<tr><th>(.*?)</th>(.*?)</tr>", table, re.DOTALL)
    return {place: head for head, cells in rows for place in re.findall(r'href="#(\w+)"', cells)}


def called(traced: Lineage, head: str) -> dict[str, str]:
    """Of a cell the method, by the tables' names and by ours; ``head``: what the row of its table is called."""
    if not traced.key or traced.key["detector"] == "network":
        return {}
    detector, variant = traced.key["detector"], traced.key["variant"]
    label = plain(LABELS.get(detector, detector))
    if variant == method(detector).default:
        text = f"{label} ({detector}, variant {variant})"
    else:
        text = f"{detector}, variant {variant}; the default variant is called {label}"
    row = unescape(head)
    return {"method": text if row in ("", detector, variant, label) else f"{row}: {text}"}


def section(traced: Lineage, head: str = "") -> str:
    """A cell: its numbers, its histogram, where its files are listed."""
    about = {name: text for name, text in subject(traced) if name in ("metric", "images")}
    facts = dict(number(traced)) | about | called(traced, head)
    rows = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in facts.items())
    chain = nearest(traced)
    first = "its first file" if len(chain) == 1 else f"its first {len(chain)} files"
    return (
        f'<section id="{anchor(traced.id)}"><h2>{escape(traced.id)}</h2><table>{rows}</table>{drawn(traced)}'
        f'<a href="#{anchor(" ".join(chain))}">{first}</a></section>'
    )


def group(chain: tuple[str, ...]) -> str:
    """The files that some cells rest on first."""
    links = " ".join(f'<a href="#{anchor(path)}">{_name(path)}</a>' for path in chain)
    return f'<p id="{anchor(" ".join(chain))}"><code>{links}</code></p>'


def _name(path: str) -> str:
    return escape(path.removeprefix(f"{RESULTS}/"))


def files(paths: Iterable[str], records: Records) -> Iterator[str]:
    """A row per file: its digest and, of a generated one, its record, code and step."""
    for path in paths:
        known = records.get(path)
        digest = known.output.sha256 if known else records.given(path)
        cells = [short(digest), *((short(known.id), short(known.code.digest), known.step) if known else ("", "", ""))]
        row = "".join(f"<td><code>{cell}</code></td>" for cell in cells)
        yield f'<tr id="{anchor(path)}"><th><code>{_name(path)}</code></th>{row}</tr>'


def page(name: str, table: str, cells: list[Lineage], records: Records) -> str:
    """The ``table``, of a figure its title, then all its cells, then every file that any of them rests on."""
    names = heads(table)
    sections = [section(traced, names.get(anchor(traced.id), "")) for traced in cells]
    legend = f"<p>{LEGEND}</p>" if any("<svg" in text for text in sections) else ""
    rests = sorted({path for traced in cells for _, path in traced.files()})
    own = records.only(path for path in rests if path in records)  # others may be stale, and made from other files
    cards = dict.fromkeys(
        item for traced in cells for item in subject(traced) if item[0] in ("dataset", "network", "source")
    )
    about = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in cards)
    return "\n".join(
        [
            f'<!doctype html>\n<meta charset="utf-8">\n<title>{name}</title>\n<style>{STYLE}{CSS}</style>',
            f"{BOX} Every number leads to its origin below.\n{table}" if table else f"<h3>{name}: {_title(name)}</h3>",
            f"<main>\n<h3>Where each number comes from</h3>\n{legend}",
            *sections,
            f"<h3>Images, methods and networks</h3>\n<table>{about}</table>" if about else "",
            f"<h3>The files that numbers rest on first</h3>\n{''.join(map(group, dict.fromkeys(map(nearest, cells))))}",
            f"<h3>All files</h3>\n<table>{TABLE_OF_FILES}{''.join(files(rests, own))}</table>\n</main>",
            f"<script>{SCRIPT}</script>\n" if table else "",
        ]
    )


def modules(scores: Iterable[Path]) -> tuple[str, ...]:
    """The detectors that gave these scores, as modules: pages say what their docstrings say."""
    return tuple(sorted({f"ood.detectors.{path.stem}" for path in scores}))


def _title(name: str) -> str:
    return escape(ARTIFACTS[name.partition(".")[0]].title)


def lineage_pages(
    tables: Inputs,
    browsed: Inputs,
    cells: Inputs,
    scores: Inputs,
    cards: Inputs,
    published: Inputs,
    document: Input,
    pages: Outputs,
    spec: Spec,
) -> None:
    """One page per table or figure, named by it.

    tables: the .csv files, browsed: the .html files of those that are tables; cells, with times, and scores: what they
    were made from. cards: of datasets and networks; published and document: the printed cells and the claims, of which
    pages show lines and sentences; all these are read in their places (ood.audit.run), and so are their records and
    those of what they were made from. spec: edition.
    """
    run, shown = Run(Records.load()), {path.stem: article(path.read_text()) for path in browsed}
    named = {path.stem: path for path in tables}
    for path in track(pages, "page", len(pages)):
        rows = read([named[path.stem]])
        found = [Lineage(name, spec["edition"], row, run) for name, row in rows.iterrows()]
        path.write_text(page(path.stem, shown.get(path.stem, ""), found, run.records))


if __name__ == "__main__":
    run(lineage_pages, roots=lambda arguments: modules(arguments["scores"]))
