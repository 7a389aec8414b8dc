"""Where a number comes from, as text for a terminal."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

from ood.artifacts.table import alike
from ood.audit import libraries
from ood.audit.findings import short
from ood.audit.lineage import Lineage
from ood.evaluation.metrics import METRICS
from ood.ledger import RESULTS
from ood.progress import clock

WIDTH, LABEL = 118, 11


def show(lineage: Lineage) -> str:
    """The number, what it is of, who made it, and the tree of its files."""
    parts = [number(lineage), subject(lineage), circumstances(lineage)]
    head = [_item(label, text) for part in parts for label, text in part]
    return "\n".join([f"{lineage.id}   ({lineage.edition})", *head, "", *tree(lineage)])


def _item(label: str, text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=f"  {label:{LABEL}}", subsequent_indent=" " * (LABEL + 2))


def number(lineage: Lineage) -> Iterator[tuple[str, str]]:
    """What is printed, ours, their difference; a claim's verdict; the values of each seed."""
    if lineage.sentence:
        yield "claim", lineage.sentence
    yield "ours", lineage.text("ours") or ("not run" if lineage.text("printed") else "none")
    cell = lineage.cell
    if cell is not None:
        yield (
            "by seed",
            ", ".join(f"{seed}: {value:.6f}" for seed, value in zip(cell["seeds"], cell["values"], strict=True)),
        )
        if lineage.text("low"):
            low, high = (alike(float(lineage.text(end)), lineage.text("ours")) for end in ("low", "high"))
            yield "interval", f"{low} to {high}, images resampled"
    if lineage.text("printed"):
        printed = lineage.printed
        where = f" ({printed['file']}, line {printed['line']}: {printed['cell']})" if printed is not None else ""
        yield "printed", lineage.text("printed") + where
    if lineage.text("difference"):
        difference, noise = lineage.text("difference"), float(lineage.text("noise"))
        yield "difference", f"{difference} (noise up to {alike(noise, difference)})"
    for name in ("noise", "why"):
        if lineage.text(name) and not lineage.text("difference"):
            yield name, lineage.text(name)


def subject(lineage: Lineage) -> Iterator[tuple[str, str]]:
    """What the number is of: metric and convention, images, method, networks."""
    key, cell = lineage.key, lineage.cell
    if key and key["metric"] in METRICS:
        yield (
            "metric",
            f"{key['metric']}: {' '.join((METRICS[key['metric']].__doc__ or '').split(chr(10) * 2)[0].split())}",
        )
        yield "images", f"{cell['n_id']:.0f} in-distribution, {cell['n_ood']:.0f} out-of-distribution"
    for folder, card in lineage.cards("data").items():
        size = f"{card['size']}x{card['size']}" if card.get("size") else "as they are"
        rule = f"rule {card['rule']}, {size}, sha256 {short(card['sha256'])}, {card['licence']}"
        yield "dataset", f"{Path(folder).name}: {card['title']}, {card['count']} images, {rule}"
    if key and key["detector"] != "network":
        yield "method", f"{key['detector']}, variant {key['variant']}"
        yield "source", f"{key['detector']}: {lineage.run.method(key['detector'])}"
    for folder, card in lineage.cards("checkpoints").items():
        options = " ".join(f"{name}={value}" for name, value in card["options"].items())
        accuracy = f"{card['accuracy']['test']:.2%} of the test images right"
        yield "network", f"{Path(folder).name}: {card['network']} {options}, {accuracy}"


def circumstances(lineage: Lineage) -> Iterator[tuple[str, str]]:
    """Who made it, where, with what, in what time."""
    steps = lineage.steps()
    if not steps:
        return
    commits = dict.fromkeys(
        f"{step.commit or 'none'}{' and uncommitted changes' if step.dirty else ''}" for step in steps
    )
    yield "commit", ", ".join(commits)
    yield "lock", ", ".join(dict.fromkeys(short(step.lock) for step in steps))
    yield "libraries", "; ".join(dict.fromkeys(map(libraries.said, steps)))
    yield "device", ", ".join(dict.fromkeys(f"{step.gpu or step.cpu} on {step.host}" for step in steps))
    cost = clock(sum(step.seconds for step in steps))
    yield (
        "cost",
        f"{len(steps)} jobs, {cost} (m:ss) one after another, between {min(step.started for step in steps)} and "
        f"{max(step.started for step in steps)}",
    )


def tree(lineage: Lineage) -> Iterator[str]:
    """The files, what is made from what indented; of each its digest, and of a generated one its step, record, job."""
    yield f"{'made from':66} {'sha256':12} {'record':12} {'code':12} {'time':>5}  step"
    files = lineage.files()
    records = lineage.records.only(path for _, path in files if path in lineage.records)  # no stale ones of others
    for depth, path in files:
        name = "  " * depth + path.removeprefix(f"{RESULTS}/")
        if path in records:
            record = records[path]
            job = f" (SLURM {record.slurm_job})" if record.slurm_job else ""
            digests = f"{short(record.output.sha256)} {short(record.id)} {short(record.code.digest)}"
            yield f"{name:66} {digests} {clock(record.seconds):>5}  {record.step}{job}"
        else:
            yield f"{name:66} {short(records.given(path))}"
