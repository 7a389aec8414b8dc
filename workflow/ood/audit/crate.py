"""A run as a Workflow Run RO-Crate, profile Provenance Run Crate 0.5: files, jobs, and every printed number.

https://www.researchobject.org/workflow-run-crate/profiles/provenance_run_crate. The Snakefile is the main workflow, a
module ``ood.<step>`` its tool, a job a CreateAction of that tool, a printed number a PropertyValue of the crate. What
is left out (``CONTENTS``) is there by its digest: ``hash://sha256/...``.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rocrate.rocrate import ROCrate

from ood.audit.run import EDITIONS, entries
from ood.errors import Problem
from ood.ledger import record_path, sha256
from ood.records import LEFT_OUT, Record, Records

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
TERMS = {"sha256": "https://schema.org/sha256", "resourceUsage": "https://w3id.org/ro/terms/workflow-run#resourceUsage"}
WORKFLOW, ENGINE = "workflow/Snakefile", "#snakemake"
CELL, SPEC, MEMORY = "#cell/", "#spec/", "#memory/"  # property values: a printed number, a job's parameters, its memory
SOURCES = ("*.md", "*.toml", "*.yaml", "Makefile", "envs/*", "workflow/**/*", "notebooks/*.py", "paper/**/*")
IMAGES = r"results/(archives|features|attributions)/|results/.*/(images\.npy|images\.tar|model\.safetensors)$"
# What a crate may hold, the largest first, and what it then leaves out. The smallest has neither executed notebooks nor
# figures as PNG; both are made again and compared by digest.
CONTENTS = {
    "whole": re.compile(r"(?!)"),
    "scores": re.compile(IMAGES),
    "numbers": re.compile(
        IMAGES + r"|results/(scores/|data/\w+/index\.parquet$|editions/.*(\.ipynb|\.png|/notebooks/\w+\.html)$)"
    ),
}
Entity = dict[str, Any]


def held(left_out: Iterable[str]) -> str:
    """What a crate holds that leaves out these files."""
    return next(name for name, kind in CONTENTS.items() if name == "numbers" or all(map(kind.match, left_out)))


def sources() -> list[str]:
    """The project's own files that a run and its audit need."""
    found = (path for pattern in SOURCES for path in Path().glob(pattern) if path.is_file())
    hidden = re.compile(r"\.|__pycache__$")
    return sorted(str(path) for path in found if not any(map(hidden.match, path.parts)))


def resting(edition: str, records: Records) -> list[str]:
    """What an edition is made of: its files and those that they rest on, with all that the same jobs made."""
    tops = [path for path in records if path.startswith(f"{EDITIONS}/{edition}/")]
    jobs = dict.fromkeys(records[path].job for path in records.upstream(tops))
    return [path for job in jobs for path in records.jobs[job]]


def cells(edition: str) -> Iterator[Entity]:
    """Every number of the edition's tables that is ours, and beside it what is printed."""
    table = entries(edition).fillna("")
    for name, entry in table[table["ours"] != ""].iterrows():
        about = {"name": name, "value": entry["ours"], "isBasedOn": {"@id": quote(entry["file"])}}
        said = {"description": f"printed in the paper: {entry['printed']}"} if entry["printed"] else {}
        yield {"@id": f"{CELL}{quote(name)}", "@type": "PropertyValue", **about, **said}


def crate(edition: str, records: Records, content: str) -> ROCrate:
    """The crate of an edition and all that it rests on, the project's files too; ``content``: one of ``CONTENTS``."""
    outputs = resting(edition, records)
    made = ROCrate(version="1.1")
    made.metadata.extra_terms.update(TERMS)
    ids: dict[str, str] = {}
    used = {given.path: given.sha256 for output in outputs for given in records[output].inputs}
    digests = used | {output: records[output].output.sha256 for output in outputs}
    for path in sorted({*digests, *sources()} - {WORKFLOW}):
        ids[path] = quote(path)
        if path in digests and CONTENTS[content].match(path):
            ids[path] = f"{LEFT_OUT}{digests[path]}#{quote(path)}"
            made.add_jsonld({"@id": ids[path], "@type": "File", "name": path, "sha256": digests[path]})
            made.root_dataset.append_to("hasPart", {"@id": ids[path]})
        else:
            about = {"sha256": digests.get(path) or sha256(Path(path)), "contentSize": str(Path(path).stat().st_size)}
            made.add_file(path, path, properties={"name": path, **about})
    for path in sorted(str(record_path(Path(output))) for output in outputs):
        made.add_file(path, path, properties={"name": path, "description": "Who made it, from what"})
    _describe(made, edition, records, outputs, ids)
    return made


def export(edition: str, records: Records, file: Path, content: str) -> None:
    """Write the crate as a zip. Raises Problem if that file exists, or if something that belongs in it does not."""
    if file.exists() or file.suffix != ".zip":
        raise Problem(
            f"{file} {'exists' if file.exists() else 'is not a .zip'}. Name a new file, for instance {edition}.zip."
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".part.zip")
    try:
        crate(edition, records, content).write_zip(draft)
        draft.replace(file)
    except FileNotFoundError as error:
        raise Problem(
            f"{error.filename or error} is missing, so the run is not complete. make status says what else is missing."
        ) from None
    finally:
        draft.unlink(missing_ok=True)


def _describe(made: ROCrate, edition: str, records: Records, outputs: list[str], ids: dict[str, str]) -> None:
    jobs = {records[output].job: records[output] for output in reversed(outputs)}
    steps = sorted({record.step for record in jobs.values()})
    about = {"@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"], "name": "Snakefile"}
    about |= {"sha256": sha256(Path(WORKFLOW))}
    main = made.add_workflow(WORKFLOW, WORKFLOW, main=True, lang="snakemake", properties=about)
    main["hasPart"] = [{"@id": f"#{step}"} for step in steps]
    main["step"] = [{"@id": f"#step/{step}"} for step in steps]
    printed = list(cells(edition))
    acts = (*_actions(records, jobs, ids), *_run(edition, jobs, outputs, ids))
    for entity in (*_profiles(), *_tools(steps), *acts, *printed):
        made.add_jsonld(dict(entity))  # it takes the id out of what it is given
    made.name = f"Gradient-based OOD detection on trial: edition {edition}"
    made.description = "Three papers recomputed from images to tables; every file with the record of its origin."
    made.license = "None stated by the project. Each dataset's is in its card.json."
    made.datePublished = max(record.started for record in jobs.values())
    made.root_dataset["conformsTo"] = [{"@id": profile} for profile in PROFILES]
    made.root_dataset["variableMeasured"] = [{"@id": cell["@id"]} for cell in printed]
    made.root_dataset["mentions"] = [{"@id": "#run"}, {"@id": "#engine-run"}]


def _profiles() -> Iterator[Entity]:
    for profile, name in PROFILES.items():
        yield {"@id": profile, "@type": "CreativeWork", "name": name, "version": profile.rsplit("/", 1)[1]}


def _tools(steps: list[str]) -> Iterator[Entity]:
    for place, step in enumerate(steps):
        tool = {"@id": f"#{step}"}
        yield tool | {"@type": "SoftwareApplication", "name": step, "description": f"python -m {step}"}
        yield {"@id": f"#step/{step}", "@type": "HowToStep", "name": step, "position": str(place), "workExample": tool}
    engine = {"name": "Snakemake", "version": version("snakemake"), "url": "https://snakemake.github.io"}
    yield {"@id": ENGINE, "@type": "SoftwareApplication", **engine}


def _actions(records: Records, jobs: dict[str, Record], ids: dict[str, str]) -> Iterator[Entity]:
    """Of each job its action, its parameters, what it took, and the step of the workflow that it was."""
    for job, record in jobs.items():
        spec = {"@id": f"{SPEC}{job}", "@type": "PropertyValue", "name": "parameters"}
        yield spec | {"value": json.dumps(record.spec, sort_keys=True)}
        usage = {"@id": f"{MEMORY}{job}", "@type": "PropertyValue", "propertyID": "peak_memory_mb"}
        yield usage | {"name": "peak memory", "value": str(record.peak_memory_mb), "unitText": "MB"}
        yield {
            "@id": f"#job/{job}",
            "@type": "CreateAction",
            "name": f"{record.step} on {record.gpu or record.cpu}",
            "instrument": {"@id": f"#{record.step}"},
            "object": [{"@id": ids[given.path]} for given in record.inputs] + [{"@id": spec["@id"]}],
            "result": [{"@id": ids[output]} for output in records.jobs[job] if output in ids],
            "resourceUsage": {"@id": usage["@id"]},
            **_times([record]),
        }
        control = {"instrument": {"@id": f"#step/{record.step}"}, "object": {"@id": f"#job/{job}"}}
        yield {"@id": f"#control/{job}", "@type": "ControlAction", "name": f"run {record.step}", **control}


def _run(edition: str, jobs: dict[str, Record], outputs: list[str], ids: dict[str, str]) -> Iterator[Entity]:
    """The run as a whole: of the workflow, and of the engine that organised it."""
    raw = sorted({given.path for record in jobs.values() for given in record.inputs if given.record is None})
    yield {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"Run of the edition {edition}",
        "instrument": {"@id": WORKFLOW},
        "object": [{"@id": ids[path]} for path in raw],
        "result": [{"@id": ids[path]} for path in outputs if path.startswith(f"{EDITIONS}/{edition}/")],
        **_times(jobs.values()),
    }
    controls = [{"@id": f"#control/{job}"} for job in jobs]
    organised = {"instrument": {"@id": ENGINE}, "object": controls, "result": {"@id": "#run"}}
    yield {"@id": "#engine-run", "@type": "OrganizeAction", "name": "Run of Snakemake", **organised}


def _times(records: Iterable[Record]) -> Entity:
    spans = [(datetime.fromisoformat(record.started), timedelta(seconds=record.seconds)) for record in records]
    first, last = min(begun for begun, _ in spans), max(begun + took for begun, took in spans)
    return {"startTime": first.isoformat(timespec="seconds"), "endTime": last.isoformat(timespec="seconds")}
