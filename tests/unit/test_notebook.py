"""An executed notebook without what differs from run to run."""

import nbformat

from ood.notebook import settle
from ood.progress import log


def test_what_is_written_to_the_terminal_goes_to_the_log(caplog, monkeypatch):
    monkeypatch.setattr(log, "propagate", True)
    said = [nbformat.v4.new_output("stream", name="stderr", text=f"[{number}] careful\n") for number in (7, 8)]
    shown = nbformat.v4.new_output("display_data", {"text/plain": "97.5"})
    cells = [nbformat.v4.new_markdown_cell("a"), nbformat.v4.new_code_cell("b", outputs=[said[0], shown, said[1]])]
    settled = settle(nbformat.v4.new_notebook(cells=cells), "scratch", "final")
    assert settled.cells[1].outputs == [shown] and caplog.messages == ["[7] careful", "[8] careful"]
