"""An executed notebook without what differs from run to run."""

import nbformat

from ood.appendix.notebook import settle
from ood.progress import log


def test_warnings_with_the_number_of_the_process_go_to_the_log(caplog, monkeypatch):
    monkeypatch.setattr(log, "propagate", True)
    texts = ["/tmp/ipykernel_7/8.py:1: UserWarning: careful\n", "always the same\n"]
    said = [nbformat.v4.new_output("stream", name="stderr", text=text) for text in texts]
    shown = nbformat.v4.new_output("display_data", {"text/plain": "97.5"})
    cells = [nbformat.v4.new_markdown_cell("a"), nbformat.v4.new_code_cell("b", outputs=[said[0], shown, said[1]])]
    settled = settle(nbformat.v4.new_notebook(cells=cells), "scratch", "final")
    assert settled.cells[1].outputs == [shown, said[1]] and caplog.messages == [texts[0].strip()]
