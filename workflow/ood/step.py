"""How a job runs: a function of files, as a command.

``run(crop)``, at the end of a module ``ood.crop`` with ``def crop(picture: Input, cropped: Output, spec: Spec)``, is
``python -m ood.crop --picture a.png --cropped results/b.png --spec '{...}' --log c.log``. It checks the inputs,
hands the function temporary names for its outputs, and only when the function has come back gives them their final
names, each with its record (ood.ledger). An argument annotated ``State`` is a folder that outlives a job which fails or
is killed, and is given again to the same job only: the same inputs, parameters, code and outputs.
"""

import argparse
import errno
import inspect
import json
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NewType

from ood import ledger, progress
from ood.errors import Problem

Input = NewType("Input", Path)
Inputs = NewType("Inputs", list)
Output = NewType("Output", Path)
Outputs = NewType("Outputs", list)
State = NewType("State", Path)  # a folder for what a killed job goes on from; not on the command line
Spec = dict[str, Any]

PARTIAL = Path(ledger.RESULTS, ".partial")
STATES = Path(ledger.RESULTS, ".state")
NO_ROOM = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT)))  # not all libraries raise OSError for them


def _parser(function: Callable, module: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=inspect.getdoc(function))
    for name, parameter in inspect.signature(function).parameters.items():
        option, kind = f"--{name.replace('_', '-')}", parameter.annotation
        if kind is State:
            continue
        if kind in (Inputs, Outputs):
            parser.add_argument(option, nargs="*", type=Path, default=[])
        elif kind in (Input, Output):
            parser.add_argument(option, type=Path, required=True)
        else:
            parser.add_argument(option, type=json.loads, default={}, help="parameters, JSON")
    parser.add_argument("--log", type=Path, help="file for messages and tracebacks")
    return parser


def _paths(arguments: dict[str, Any], kinds: dict[str, Any], *wanted: Any) -> dict[str, list[Path]]:
    """The arguments of the wanted kinds, each as a list of files."""
    given = {name: arguments[name] for name, kind in kinds.items() if kind in wanted}
    return {name: [value] if isinstance(value, Path) else value for name, value in given.items()}


def _state(job: ledger.Job, outputs: Iterable[Path]) -> Path:
    """The folder for a job's state: of these outputs, made from these inputs, with these parameters and this code."""
    facts = job.facts
    digests = [given["sha256"] for given in facts["inputs"]]
    same = [facts["step"], facts["spec"], digests, facts["code"]["digest"], list(map(str, outputs))]
    return STATES / ledger.fingerprint(same)


def _make_room(outputs: Iterable[Path]) -> None:
    """Make the folders of drafts and outputs. Raises Problem for an output that no rename can bring to its place."""
    PARTIAL.mkdir(parents=True, exist_ok=True)
    for path in outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.stat().st_dev != PARTIAL.stat().st_dev:
            raise Problem(
                f"{path.parent} lies on another disk than {PARTIAL}. Link all of {ledger.RESULTS}, not a folder in it."
            )


def _run(function: Callable, module: str, arguments: dict[str, Any], roots: Callable | None) -> None:
    kinds = {name: parameter.annotation for name, parameter in inspect.signature(function).parameters.items()}
    outputs = {path: name for name, paths in _paths(arguments, kinds, Output, Outputs).items() for path in paths}
    spec = next((arguments[name] for name, kind in kinds.items() if kind is Spec), {})
    modules = (module, *(roots(arguments) if roots else ()))
    job = ledger.Job(module, modules, spec, _paths(arguments, kinds, Input, Inputs))
    states = {name: _state(job, outputs) for name, kind in kinds.items() if kind is State}
    arguments |= states
    for folder in states.values():
        folder.mkdir(parents=True, exist_ok=True)
    _make_room(outputs)
    scratch = Path(tempfile.mkdtemp(dir=PARTIAL))
    try:
        draft = {path: scratch / path for path in outputs}
        for path in draft.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        for name, kind in kinds.items():
            if kind is Output:
                arguments[name] = draft[arguments[name]]
            elif kind is Outputs:
                arguments[name] = [draft[path] for path in arguments[name]]
        function(**{name: arguments[name] for name in kinds})
        missing = [str(path) for path, made in draft.items() if not made.is_file()]
        if missing:
            raise Problem(f"{module} did not write {', '.join(missing)}. This is a fault of the step.")
        for final, made in draft.items():
            job.publish(made, final, outputs[final])
        for folder in states.values():
            shutil.rmtree(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # what went wrong first is what is said


def run(function: Callable, roots: Callable[[dict], tuple[str, ...]] | None = None) -> None:
    """Run ``function`` with the command line's arguments; exits with 1 and a message when it fails.

    ``roots(arguments)`` names the modules that the step loads by name, which no import statement shows.
    """
    module = sys.modules["__main__"].__spec__.name
    arguments = vars(_parser(function, module).parse_args())
    log_file = arguments.pop("log")
    title = str(log_file.with_suffix("")).removeprefix("results/logs/") if log_file else module
    progress.start(title, log_file)
    where = f"\nThe log is {log_file}." if log_file else ""
    try:
        _run(function, module, arguments, roots)
    except Exception as error:
        said = str(error) if isinstance(error, Problem) else f"{progress.UNEXPECTED}\n{traceback.format_exc()}"
        if any(reason in str(error) for reason in NO_ROOM):
            said = f"{error}. Make room in {PARTIAL.resolve()} and run again; what is finished is kept."
        progress.log.error("%s", said)
        progress.end(log_file, progress.FAILED)
        sys.exit(f"{module}: {said}{where}")
    progress.end(log_file, progress.DONE)
