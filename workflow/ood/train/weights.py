"""Published weight files: read without running anything from them, fitted to a network without tolerance.

Known are PyTorch's own formats (today's zip and the older stream of pickles), safetensors, and NumPy's ``.npz``, as Big
Transfer publishes it. A file's first bytes decide, not its name. Pickles are read by PyTorch's restricted unpickler,
which builds tensors and plain containers and refuses everything else.
"""

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from ood import networks
from ood.errors import Problem

CONTAINERS = ("state_dict", "model")  # keys under which training scripts keep the tensors, beside epoch and the like
SHOWN = 3


def _decode(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(9)
    if start.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            is_npz = all(name.endswith(".npy") for name in archive.namelist())
        if is_npz:
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(array) for name, array in arrays.items()}
    if start.endswith(b"{"):  # eight bytes of length, then a JSON header
        return safetensors.torch.load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _is_state(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and len(content) > 0
        and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items())
    )


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a published file by their published names, on the CPU, floating point ones in float32.

    A container's ``state_dict`` or ``model`` is opened, and ``module.`` (of torch.nn.DataParallel) taken off all names.
    Raises Problem when the file is missing, damaged or in no known format, when it holds more than tensors and plain
    values so that reading it would mean running its code, and when it has no table of named tensors.
    """
    if not path.is_file():
        raise Problem(f"{path} is missing. Fetch it, or put it there by hand.")
    try:
        content = _decode(path)
    except (OSError, MemoryError):  # the machine's doing, not the file's
        raise
    except Exception as error:  # whatever a decoder makes of foreign bytes
        forbidden = re.search(r"GLOBAL (\S+)|Object arrays", str(error))
        if forbidden:
            raise Problem(
                f"{path} holds more than tensors ({forbidden[1] or 'Python objects'}): reading it would run code from "
                "the file, so it is refused. Find it as safetensors or as a plain state dict."
            ) from None
        raise Problem(
            f"{path} is damaged or no weight file ({type(error).__name__}): neither PyTorch's, nor safetensors, nor "
            ".npz. Delete it and fetch it again."
        ) from None
    for key in CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not _is_state(content):
        found = f"the keys {', '.join(map(str, list(content)[:SHOWN]))}" if isinstance(content, dict) else type(content)
        raise Problem(f"{path} has no table of named tensors: it holds {found}. It is not a network's state dict.")
    prefix = "module." if all(name.startswith("module.") for name in content) else ""
    return {
        name.removeprefix(prefix): value.detach().float() if value.is_floating_point() else value
        for name, value in content.items()
    }


def misfits(network: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """What keeps ``state`` from being the network's, in words; empty when it fits.

    BatchNorm's ``num_batches_tracked`` may be missing: older files lack it, and eval mode does not use it.
    """
    own = network.state_dict()
    missing = [name for name in own if name not in state and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in own]
    shapes = [
        f"{name} {tuple(state[name].shape)} for {tuple(value.shape)}"
        for name, value in own.items()
        if name in state and state[name].shape != value.shape
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    return [f"{len(all_)} {kind} ({', '.join(all_[:SHOWN])})" for kind, all_ in kinds.items() if all_]


def load_published(name: str, classes: int, options: dict, path: Path) -> networks.Classifier:
    """The network with a published file's weights, on the CPU, in eval mode with frozen parameters.

    Raises Problem as ``read`` does, and when the file's tensors are not exactly the network's.
    """
    with torch.device("meta"):  # no random initialisation of what is replaced at once
        network = networks.build(name, classes, options)
    state = network.convert(read(path))
    wrong = misfits(network, state)
    if wrong:
        what = " ".join([f"'{name}'", f"with {classes} classes", *(f"{key}={value}" for key, value in options.items())])
        raise Problem(f"{path} does not fit the network {what}. Tensors {'; '.join(wrong)}.")
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)
