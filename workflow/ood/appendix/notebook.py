"""Run a paper's notebook: cells in, tables and figures out."""

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import jupytext
import nbformat
import papermill
from nbconvert import HTMLExporter

from ood.artifacts import CARDS
from ood.errors import Problem
from ood.progress import log
from ood.step import Input, Inputs, Output, Outputs, Spec, run

CSS = (
    "body{font:15px/1.5 sans-serif;max-width:75em;margin:2em auto;padding:0 1em} .anchor-link,.jp-InputPrompt,"
    ".jp-OutputPrompt{display:none} pre{overflow-x:auto;background:#f6f6f6;padding:.5em} img{max-width:100%}"
    "table{border-collapse:collapse;font-size:13px} th,td{padding:.15em .7em;text-align:right;border:0}"
    "tr:nth-child(even){background:#f6f6f6}"
)
PROCESS = re.compile(r"ipykernel_\d+")  # in the name that a warning gives a cell


def settle(executed: nbformat.NotebookNode, scratch: str, final: str) -> nbformat.NotebookNode:
    """Take out of an executed notebook what differs from run to run: times, random ids, the scratch folder's name.

    Also warnings with the number of the process, which go to the log. What else is written to stderr stays, as it is
    in the pages of runs that are kept.
    """
    executed.metadata.pop("papermill", None)
    for place, cell in enumerate(executed.cells):
        cell["id"] = f"cell-{place}"
        cell.metadata = {name: cell.metadata[name] for name in ("tags",) if name in cell.metadata}
        cell.source = cell.source.replace(scratch, final)
        if cell.cell_type == "code":
            warned = [output for output in cell.outputs if PROCESS.search(output.get("text", ""))]
            for output in warned:
                log.warning("%s", output.text.rstrip())
            cell.outputs = [output for output in cell.outputs if output not in warned]
    return executed


def html(executed: nbformat.NotebookNode, title: str) -> str:
    """The notebook as a page of its own, without its long parameters and without links to elsewhere."""
    kept = [
        cell
        for cell in executed.cells
        if not {"parameters", "injected-parameters"} & set(cell.metadata.get("tags", []))
    ]
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(nbformat.v4.new_notebook(cells=kept))
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>{title}</title>\n<style>{CSS}</style>\n{body}\n'


def notebook(
    source: Input, evidence: Inputs, published: Inputs, artifacts: Outputs, page: Output, executed: Output, spec: Spec
) -> None:
    """Execute the jupytext notebook ``source`` with papermill.

    spec: settings (the keyword arguments of ood.artifacts.evidence.Evidence but for its folders), folder (where the
    artifacts belong) and failed. evidence and published: every file that the notebook may read. artifacts: what it must
    write. page: the executed notebook as HTML without links to elsewhere; executed: the same as .ipynb. A notebook that
    fails raises Problem, and what was run of it is kept as ``spec["failed"]``.
    """
    out = str(artifacts[0].parent)
    draft = executed.with_suffix(".draft.ipynb")
    jupytext.write(jupytext.read(source), draft)
    settings = {**spec["settings"], "results": "results", "printed": str(published[0].parent), "out": out}
    try:
        papermill.execute_notebook(
            draft, executed, {"settings": settings}, kernel_name="python3", progress_bar=False, log_output=False
        )
    except papermill.PapermillExecutionError as error:
        kept = Path(spec["failed"])
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(executed, kept)
        log.error("%s", re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback)))
        raise Problem(
            f"{source}, cell {error.exec_count}: {error.ename}: {error.evalue}. It is kept in {kept}."
        ) from None
    settled = settle(nbformat.read(executed, as_version=4), out, spec["folder"])
    nbformat.write(settled, executed)
    page.write_text(html(settled, source.stem))


def modules(source: Path, evidence: Iterable[Path]) -> tuple[str, ...]:
    """The notebook, and the networks that it may build: those whose cards are among its files."""
    cards = (json.loads(path.read_text()) for path in evidence if path.name == Path(CARDS).name)
    return (str(source), *sorted({f"ood.networks.{card['network']}" for card in cards}))


if __name__ == "__main__":
    run(notebook, roots=lambda arguments: modules(arguments["source"], arguments["evidence"]))
