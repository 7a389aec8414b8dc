"""What a run is asked for by name: rules of the workflow, benchmarks, editions and their parts, no two of one name."""

import re
from pathlib import Path

from ood.artifacts import PAPERS
from ood.config.experiment import Config
from ood.errors import Problem

WORKFLOW = Path(__file__).parents[2]


def rules() -> set[str]:
    """The names of the workflow's rules, other than those that are made of names in config.yaml."""
    sources = [WORKFLOW / "Snakefile", *(WORKFLOW / "rules").glob("*.smk")]
    return {
        name for file in sources for name in re.findall(r"^(?:use )?rule .*?(\w+)(?: with)?:$", file.read_text(), re.M)
    }


def parts(edition: str, benchmarks: list[str]) -> list[str]:
    """The names of the rules that make an edition: its notebooks, appendix, pages of where numbers come from."""
    pages = [f"{benchmark}_lineage" for benchmark in benchmarks]
    return [f"{edition}_{part}" for part in (*PAPERS, "appendix", "lineage", *pages)]


def check(config: Config) -> None:
    """Raise Problem, beginning with the key, for a name that something else has."""
    taken = dict.fromkeys(rules(), "a rule of the workflow")
    made = [
        (part, f"editions.{edition}", f"a part of the edition {edition}")
        for edition, benchmarks in config.editions.items()
        for part in parts(edition, benchmarks)
    ]
    made += [(name, f"benchmarks.{name}", "a benchmark") for name in config.benchmarks]
    made += [(name, f"editions.{name}", "an edition") for name in config.editions]
    for name, key, what in made:
        if name in taken:
            raise Problem(f"{key}: {taken[name]} has the name {name}, and both are targets. Choose another.")
        taken[name] = what
