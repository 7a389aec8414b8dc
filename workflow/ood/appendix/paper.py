"""Typeset the appendix. Numbers reach it only through macros that take a cell's id."""

import os
import re
import subprocess
from pathlib import Path

from ood.artifacts.anchors import link
from ood.artifacts.render import SPECIAL, read_numbers
from ood.artifacts.table import NOT_RUN
from ood.errors import Problem
from ood.progress import log
from ood.step import Input, Inputs, Output, Spec, run

MARKS = {"best": r"\textbf{{{}}}", "second": r"\underline{{{}}}"}
ABSENT = r"\notrun"
NOTHING = r"\noprint"  # a dash: the paper does not print this number
NOT_FINITE = {  # what to do about a number that is not finite, by the column that has it
    "ours": "Follow it to its scores (make show), and delete those that are not finite.",
    "printed": "Correct it in paper/published.",
}


def typeset(text: str, mark: str = "") -> str:
    """``97.53 ± 0.20`` as TeX, the spread small, the best value of its column bold and the second underlined."""
    if text == NOT_RUN:
        return ABSENT
    value, _, spread = text.translate(SPECIAL).partition(" ± ")
    value = MARKS.get(mark, "{}").format(value)
    return value + (rf"{{\tiny$\,\pm\,${spread}}}" if spread else "")


def signed(text: str) -> str:
    """``-1.20 *`` as TeX, the star raised; without a number nothing."""
    value, _, star = text.partition(" ")
    return rf"${value}{'^{*}' if star else ''}$" if value else ""


def macros(tables: list[Path]) -> str:
    """TeX that defines, for every cell id in the tables' .csv files, what is printed, ours, their difference, a link.

    Raises Problem when an id occurs twice, or when a number is not finite.
    """
    frame = read_numbers(tables)
    for twice in frame[frame["id"].duplicated()].itertuples():
        raise Problem(
            f"cell {twice.id} is in two tables, one of them {twice.file}. Name a row or column of one otherwise."
        )
    for column, remedy in NOT_FINITE.items():
        for odd in frame[frame[column].str.contains(r"\b(?:nan|inf)\b")].itertuples():
            text = getattr(odd, column)
            raise Problem(f"cell {odd.id} of {odd.file}, column '{column}': '{text}' is not a number. {remedy}")
    lines = []
    for row in frame.itertuples():
        ours = typeset(row.ours, row.mark) or (ABSENT if row.printed else NOTHING)
        place = link(Path(row.file).stem, row.id).replace("#", r"\#")
        lines.append(rf"\definecell{{link}}{{{row.id}}}{{{place}}}")
        lines.append(rf"\definecell{{ours}}{{{row.id}}}{{{ours}}}")
        lines.append(rf"\definecell{{cited}}{{{row.id}}}{{{typeset(row.ours) or ours}}}")
        lines.append(rf"\definecell{{printed}}{{{row.id}}}{{{typeset(row.printed) or NOTHING}}}")
        lines.append(rf"\definecell{{difference}}{{{row.id}}}{{{signed(row.difference) or NOTHING}}}")
    return "\n".join(lines) + "\n"


def complaint(log_text: str) -> str:
    """The first error of a LaTeX log with the lines that follow it."""
    lines = log_text.splitlines()
    first = next((place for place, line in enumerate(lines) if re.match(r"!|.*:\d+: ", line)), len(lines) - 5)
    return "\n".join(lines[first : first + 6])


def appendix(source: Input, parts: Inputs, tables: Inputs, artifacts: Inputs, pdf: Output, spec: Spec) -> None:
    """Run latexmk on ``source``; the same inputs give the same bytes.

    parts: sections, style and bibliography. tables: the .csv files of all tables; artifacts: their .tex and the
    figures. spec: shown, for each artifact the benchmarks that the sections loop over. Raises Problem with LaTeX's own
    words.
    """
    work = pdf.parent
    (work / "cells.tex").write_text(macros(tables))
    (work / "benchmarks.tex").write_text(
        "".join(
            rf"\definebenchmarks{{{artifact}}}{{{','.join(names)}}}" + "\n" for artifact, names in spec["shown"].items()
        )
    )
    folders = sorted({str(path.parent.resolve()) for path in (source, *parts, *artifacts)} | {str(work.resolve())})
    environment = {
        **os.environ,
        "TEXINPUTS": ":".join([*folders, ""]),
        "BIBINPUTS": ":".join([*folders, ""]),
        "SOURCE_DATE_EPOCH": "0",
        "FORCE_SOURCE_DATE": "1",
    }
    command = ["latexmk", "-norc", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "-file-line-error"]
    result = subprocess.run(
        [*command, f"-outdir={work}", f"-jobname={pdf.stem}", str(source)],
        env=environment,
        capture_output=True,
        text=True,
    )
    text = (work / f"{pdf.stem}.log").read_text(errors="replace") if (work / f"{pdf.stem}.log").is_file() else ""
    log.info("%s\n%s", result.stdout, result.stderr)
    if result.returncode:
        raise Problem(f"LaTeX stopped on {source}:\n{complaint(text) or result.stderr}")
    for line in re.findall(r"^(?:Overfull|LaTeX Warning: (?:Reference|Citation)).*$", text, re.MULTILINE):
        log.warning("%s", line)


if __name__ == "__main__":
    run(appendix)
