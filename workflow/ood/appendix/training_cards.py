"""The training cards of an edition's checkpoints as one page: accuracy, curve, recipe, device, wall time."""

import html
import io
import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ood.progress import clock
from ood.step import Inputs, Output, Spec, run
from ood.train.cards import network

CSS = (
    "body{font:15px/1.4 sans-serif;max-width:70em;margin:2em auto;padding:0 1em} section{display:flex;gap:2em;"
    "border-top:1px solid #ccc;padding:1em 0} th{text-align:left;font-weight:normal;color:#555;padding-right:1em}"
    "th{white-space:nowrap;vertical-align:top} td{font-variant-numeric:tabular-nums}"
    "svg{flex:none;width:20em;height:auto}"
)


def curve(losses: list[float]) -> str:
    """The training loss by epoch as an SVG element."""
    figure = Figure(figsize=(4, 2.2), layout="constrained")
    axis = figure.subplots()
    axis.semilogy(range(1, len(losses) + 1), losses, color="#0072B2", marker="." if len(losses) < 20 else None)
    axis.set(xlabel="epoch", ylabel="cross-entropy, training")
    axis.locator_params(axis="x", integer=True)
    axis.spines[["top", "right"]].set_visible(False)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()[drawn.getvalue().index("<svg") :]


def facts(card: dict[str, Any], timing: dict[str, Any] | None) -> dict[str, str]:
    """What a card says, in words."""
    rows = {f"accuracy, {split}": f"{share:.2%}" for split, share in card["accuracy"].items()}
    rows["network"] = f"{network(card)}, {card['classes']} classes"
    rows["normalisation"] = f"mean {card['mean']}, std {card['std']}"
    if timing is None:
        published = card["published"]
        return rows | {
            "weights": f"{published['file']}, sha256 {published['sha256']}",
            "measured on": card["device"],
        }
    rows["recipe"] = ", ".join(f"{key} {value}" for key, value in card["recipe"].items() if value)
    rows["device"] = f"{card['device']}, {card['precision']}, {card['threads']} CPU threads, torch {timing['torch']}"
    rows["wall time"] = f"{clock(timing['seconds'])} min"
    if timing["epochs_taken_over"]:
        rows["wall time"] += f" for what {timing['epochs_taken_over']} epochs of a run that was stopped had left to do"
    rows["waiting for data"] = f"{timing['waiting_for_data']:.1%}"
    return rows


def _section(name: str, card: Path, timing: Path | None) -> str:
    about = json.loads(card.read_text())
    rows = facts(about, json.loads(timing.read_text()) if timing else None)
    cells = "".join(f"<tr><th>{key}</th><td>{html.escape(value)}</td></tr>" for key, value in rows.items())
    drawn = curve(about["losses"]) if about["losses"] else ""
    return f"<h2>{html.escape(name)}</h2><section><table>{cells}</table>{drawn}</section>"


def training_cards(cards: Inputs, timings: Inputs, page: Output, spec: Spec) -> None:
    """One section per checkpoint.

    cards: in the order of ``spec["checkpoints"]``, their names; timings: of those that were trained here. page: HTML
    without links to elsewhere; it tells of the run, so that nothing is made from it.
    """
    timed = {path.parent: path for path in timings}
    names = zip(spec["checkpoints"], cards, strict=True)
    body = "".join(_section(name, card, timed.get(card.parent)) for name, card in names)
    page.write_text(f'<!doctype html>\n<meta charset="utf-8">\n<title>Networks</title>\n<style>{CSS}</style>\n{body}\n')


if __name__ == "__main__":
    run(training_cards)
