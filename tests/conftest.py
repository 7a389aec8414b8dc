"""Every test computes with one thread, as steps do; real images and weights for the tests that want them."""

import os
from pathlib import Path

import pytest

# Before anything loads a linear algebra library: on small arrays its threads cost more than they bring.
os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder that OOD_MIRROR names, with files as in workflow/resources/files.csv."""
    folder = os.environ.get("OOD_MIRROR", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("no real images: set OOD_MIRROR to a folder with files as in workflow/resources/files.csv")
    return Path(folder).resolve()
