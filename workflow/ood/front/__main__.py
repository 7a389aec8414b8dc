"""The command: ``python -m ood.front``."""

from hashlib import sha256
from pathlib import Path

from ood import command, config
from ood.audit import released
from ood.audit.run import CLAIMS
from ood.claims import claims
from ood.front.page import FOLDER, README, absent, between, judged, said
from ood.front.picture import picture, rows
from ood.front.runs import read


def files() -> dict[Path, bytes]:
    """What the front page is made of, by path. Raises Problem."""
    document, runs = claims.load(CLAIMS), [read(file) for file in released.runs()]
    frame, missing = judged(document, runs), absent(config.read(), runs)
    table = frame.to_csv(lineterminator="\n").encode()
    origins = [f"{run.name}: {run.origin}" for run in runs] or ["no run is released yet"]
    return {
        README: between(README.read_text(), said(document, frame, runs, missing)).encode(),
        FOLDER / "claims.csv": table,
        FOLDER / "claims.svg": picture(rows(frame, runs, missing), origins, sha256(table).hexdigest()),
    }


def write(path: Path, content: bytes) -> None:
    """Under its final name only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    draft.replace(path)


def main() -> None:
    for path, content in files().items():
        write(path, content)


if __name__ == "__main__":
    command.run(main)
