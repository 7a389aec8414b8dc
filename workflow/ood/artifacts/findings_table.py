"""The table FINDINGS: under each finding its lines, printed and a column per benchmark."""

import pandas as pd

from ood.artifacts import page
from ood.artifacts.evidence import Evidence
from ood.artifacts.findings import FINDINGS, Finding, Line
from ood.artifacts.render import SPECIAL, longtable, over_pages, write

NAME = "FINDINGS"
CAPTION = "Where paper, released code and print disagree, and what each way gives here."
FOOT = (
    "Percent where nothing else is said; averages over the OOD sets, mean and sample standard deviation over seeds. "
    "Printed: of the paper's own benchmark, in percent, those of Igoe et al.'s small networks with the better sign; "
    "ours have one sign where nothing else is said. A dash: nothing is printed. Not run: the benchmark has not "
    "these methods, layers or sets."
)


def entries(evidence: Evidence) -> pd.DataFrame:
    """A row per finding, line and benchmark: id, printed and ours as text."""
    rows = [
        {
            "id": f"{NAME}/{finding.name}/{line.label}/{benchmark}",
            "row": line.label,
            "column": benchmark,
            "printed": line.printed(evidence),
            "ours": line.ours(evidence, benchmark) or "not run",
        }
        for finding in FINDINGS
        for line in finding.lines
        for benchmark in evidence.benchmarks
    ]
    return pd.DataFrame(rows)


def save(evidence: Evidence) -> pd.DataFrame:
    """Write all files of the table; returns what a browser shows."""
    lines = entries(evidence)
    numbers = lines.set_index("id")
    frames = {finding: wide(evidence, finding, numbers) for finding in FINDINGS}
    text, tables = [f"{NAME}: {CAPTION}\n{FOOT}"], []
    for finding, frame in frames.items():
        head = f"{finding.sentence} ({finding.source})"
        texts = frame.itertuples(index=False)
        rows = {
            line.label: page.sentences(said, _ids(evidence, finding, line))
            for line, said in zip(finding.lines, texts, strict=True)
        }
        tables.append(page.table(finding.name, frame.columns, rows, "text", head))
        text.append(f"{finding.name}. {head}\n{frame.to_string()}")
    html = page.page(NAME, CAPTION, [FOOT], tables)
    write(evidence, NAME, lines, latex(evidence), html, "\n\n".join(text) + "\n")
    return pd.concat({finding.name: frame for finding, frame in frames.items()})


def _ids(evidence: Evidence, finding: Finding, line: Line) -> list[str]:
    """Those of a line's columns; what is printed goes by the first benchmark's."""
    ids = [f"{NAME}/{finding.name}/{line.label}/{benchmark}" for benchmark in evidence.benchmarks]
    return [ids[0], *ids]


def wide(evidence: Evidence, finding: Finding, numbers: pd.DataFrame) -> pd.DataFrame:
    """A row per line of a finding; printed, then a column per benchmark."""
    rows = {}
    for line in finding.lines:
        first, *ids = _ids(evidence, finding, line)
        rows[line.label] = [numbers.at[first, "printed"] or "\u2013", *numbers.loc[ids, "ours"]]
    return pd.DataFrame.from_dict(rows, "index", columns=["printed", *evidence.titles.values()])


def latex(evidence: Evidence) -> str:
    """Layout and ids."""
    titles = list(evidence.titles.values())
    widths = [0.4, 0.08, *[0.46 / len(titles)] * len(titles)]
    body = []
    for finding in FINDINGS:
        words = rf"\textbf{{{finding.name}}} " + f"{finding.sentence} ({finding.source})".translate(SPECIAL)
        body.append(rf"\multicolumn{{{len(widths)}}}{{@{{}}p{{\linewidth}}@{{}}}}{{{words}}} \\*[2pt]")
        for line in finding.lines:
            first, *ids = _ids(evidence, finding, line)
            cells = [rf"\printed{{{first}}}", *(rf"\ours{{{name}}}" for name in ids)]
            kept = "" if line is finding.lines[-1] else "*"  # a finding stays on its page
            body.append(" & ".join([rf"\hangindent=2em\quad {line.label}", *cells]) + rf" \\{kept}")
        body.append(r"\midrule")
    return over_pages(longtable(widths, CAPTION, NAME, " & ".join(["", "printed", *titles]), body[:-1], FOOT))
