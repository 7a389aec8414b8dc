"""Encoded pictures of any size, archives of them, and an ImageNet of three classes."""

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

# WordNet id -> ILSVRC2012_ID, which is in another order; the last one is no class, because it has children.
SYNSETS = {"n01440764": 3, "n01443537": 1, "n01530575": 2, "n00001740": 4}
CLASSES = list(SYNSETS)[:3]
TRUTH = [1, 3, 2, 2, 1, 3, 3]
KIT = "ILSVRC2012_devkit_t12/data/"


def encoded(seed: int, size: tuple[int, int] | None = None, mode: str = "RGB", form: str = "jpeg") -> bytes:
    """A picture of seeded blobs, with edges, and of a seeded size (width, height) unless that is given."""
    rng = np.random.default_rng(seed)
    blobs = rng.integers(0, 256, (5, 4, 3), dtype=np.uint8)
    size = size or tuple(rng.integers(40, 120, 2).tolist())
    picture, buffer = Image.fromarray(blobs).resize(size, Image.Resampling.LANCZOS), io.BytesIO()
    picture.convert(mode).save(buffer, form)
    return buffer.getvalue()


def tar(members: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as file:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            file.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def imagenet() -> dict[str, dict[str, bytes]]:
    """By official file name, what is in it; the classes' own tars as ``write`` puts them together."""
    fields = [(name, object) for name in ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children")]
    rows = [(number, wnid, "words", "gloss", int(wnid not in CLASSES)) for wnid, number in SYNSETS.items()]
    meta = io.BytesIO()
    savemat(meta, {"synsets": np.array(rows, dtype=fields).reshape(-1, 1)})
    kit = {f"{KIT}meta.mat": meta.getvalue()}
    kit[f"{KIT}ILSVRC2012_validation_ground_truth.txt"] = "".join(f"{number}\n" for number in TRUTH).encode()
    return {
        "ILSVRC2012_img_val.tar": {
            f"ILSVRC2012_val_{number:08d}.JPEG": encoded(number) for number in range(1, len(TRUTH) + 1)
        },
        "ILSVRC2012_img_train.tar": {
            f"{wnid}.tar": tar({f"{wnid}_{place}.JPEG": encoded(100 * label + place) for place in range(10, 4, -1)})
            for label, wnid in enumerate(CLASSES, 1)
        },
        "ILSVRC2012_devkit_t12.tar.gz": kit,
    }


def write(folder: Path, archives: dict[str, dict[str, bytes]]) -> list[Path]:
    paths = []
    for name, members in archives.items():
        paths.append(folder / name)
        paths[-1].write_bytes(tar(members, "w:gz" if name.endswith("gz") else "w"))
    return paths
