"""What a killed training goes on from: per kind of device one file in a folder of its own, whole or not there.

The file is the sha256 of what follows, then a torch archive of tensors and plain values.
"""

import hashlib
import io
import os
import re
from pathlib import Path
from typing import Any

import torch

from ood.progress import log

NAME = "epoch.pt"
DIGEST = hashlib.sha256().digest_size


def of(root: Path, device: str, precision: str) -> Path:
    """The folder below ``root`` for states of this kind of device and precision; says it when others have one there.

    Going on from another's would make the checkpoint half one and half the other: kinds of GPU round differently.
    """
    own = root / re.sub(r"[^\w.-]+", "-", f"{device} {precision}")
    others = [path.parent.name for path in sorted(root.glob(f"*/{NAME}")) if path.parent != own]
    if others:
        log.warning(
            "not going on from what was trained on another device (%s): this one is %s. A job that is killed gets the "
            "same kind of GPU again if gpu_model in slurm/config.yaml names one",
            ", ".join(others),
            own.name,
        )
    return own


def save(folder: Path, state: dict[str, Any]) -> None:
    """Replace the folder's state, by a rename. A full disk costs the state, not the training."""
    archive = io.BytesIO()
    torch.save(state, archive)
    content, draft = archive.getbuffer(), folder / f"{NAME}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(hashlib.sha256(content).digest())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a machine that loses power may have the new name and not the bytes
        draft.replace(folder / NAME)
    except OSError as error:
        log.warning("the state could not be saved (%s): killed now, the training would start over", error)


def load(folder: Path) -> dict[str, Any] | None:
    """The folder's state, on the CPU; None when there is none, or (the log says so) when it is damaged."""
    path = folder / NAME
    if not path.is_file():
        return None
    content = memoryview(path.read_bytes())
    if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
        log.warning("%s is damaged: starting over", path)
        return None
    return torch.load(io.BytesIO(content[DIGEST:]), map_location="cpu", weights_only=True)
