"""Write envs/ood.yaml, for conda and containers, from the one lock: python envs/generate.py

conda takes Python; pip takes the rest, in the lock's versions. Hashes stay in the lock: conda hands pip bare names.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
HEADER = """# Generated from requirements.lock by generate.py; edit neither by hand.
name: ood
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python =3.11
  - pip
  - pip:
"""


def pins(lock: str) -> list[str]:
    """``name==version`` with its environment marker, if any, for every package of a hashed lock."""
    return [line.removesuffix("\\").strip() for line in lock.splitlines() if re.match(r"[A-Za-z0-9]", line)]


def environment(lock: str) -> str:
    """The text of a conda environment file with the lock's versions."""
    return HEADER + "".join(f'      - "{pin}"\n' for pin in pins(lock))


if __name__ == "__main__":
    (FOLDER / "ood.yaml").write_text(environment((FOLDER / "requirements.lock").read_text()))
