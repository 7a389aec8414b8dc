"""Mutation check: plants faults into detectors, metrics, claims, audit and front page; the tests must notice each.

``make mutants``, or ``tests/mutants/run.py terms.py knn.py`` for some of the sources. The faults are data, in the YAML
files beside this one: by source file the tests that concern it, and for each fault what it is in words, the old text,
which occurs once, and the new. A mutant is a copy of the tree in a temporary folder. It is *caught* if an assertion
fails, or an error that a test expects does not come. One that only crashes, does not import or hangs says nothing about
what the tests compare, so it does not pass either.
"""

import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LIMIT = 300  # seconds for one mutant's tests; most need two
# Children start from a process that has loaded these, which takes longer than most tests.
LIBRARIES = ("numpy", "pandas", "pyarrow.parquet", "pytest", "pytorch_ood.detector", "safetensors.numpy")
LIBRARIES += ("scipy.stats", "sklearn.cluster", "sklearn.covariance", "sklearn.linear_model", "sklearn.metrics")
LIBRARIES += ("sklearn.neighbors", "sklearn.pipeline", "torch", "torchvision")


class Mutant(NamedTuple):
    """A fault in words, its source file and the tests that concern it (from the root), the text and its replacement."""

    file: str
    tests: tuple[str, ...]
    fault: str
    old: str
    new: str


class Verdict(NamedTuple):
    """``caught``, ``survived``, ``crashed``, ``not run`` or ``hangs``, and the test that decided."""

    kind: str
    test: str = ""


def mutants() -> list[Mutant]:
    """All mutants of the YAML files."""
    found = []
    for table in sorted(Path(__file__).parent.glob("*.yaml")):
        for file, entry in yaml.safe_load(table.read_text()).items():
            tests = tuple(f"tests/{test}" for test in entry["tests"])
            found += [Mutant(f"workflow/ood/{file}", tests, **fault) for fault in entry["mutants"]]
    return found


def planted(mutant: Mutant, text: str) -> str:
    """The source with the fault. Raises ValueError where the old text does not occur exactly once, or is the new."""
    if text.count(mutant.old) != 1 or mutant.old == mutant.new:
        raise ValueError(f"{mutant.file}, '{mutant.fault}': {text.count(mutant.old)} times there: {mutant.old}")
    return text.replace(mutant.old, mutant.new)


class Watch:
    """A pytest plugin that ends the run at the first failed assertion and passes over other exceptions."""

    def __init__(self):
        self.verdict = Verdict("survived")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo):
        report = yield
        if report.failed and report.when == "call":
            asserted = isinstance(call.excinfo.value, (AssertionError, pytest.fail.Exception))
            self.verdict = Verdict("caught" if asserted else "crashed", item.nodeid)
            item.session.shouldstop = asserted
        return report


def scratch(tree: Path) -> Path:
    """Where the tests of a tree write: beside it, since messages shorten the paths of files in the working folder."""
    return tree.with_name(f"{tree.name}.tmp")


def examine(tree: Path, tests: tuple[str, ...], answer: Connection) -> None:
    """In a process of its own: run the tests of a tree and send the verdict; the log stays in the tree."""
    os.chdir(tree)
    with open("pytest.log", "w") as log:  # noqa: PTH123  (its descriptor is wanted)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.path.insert(0, str(tree / "workflow"))
    watch = Watch()
    options = ["--rootdir=.", "--confcutdir=.", "-c=pyproject.toml", f"--basetemp={scratch(tree)}"]
    options += ["-p", "no:cacheprovider"]
    code = pytest.main([*options, *tests], plugins=[watch])
    if not Path(sys.modules["ood"].__file__).is_relative_to(tree):
        raise RuntimeError("The tests ran on other sources than the mutant's.")
    unsettled = watch.verdict.kind == "survived" and code != pytest.ExitCode.OK  # no import, no fixture, no such test
    answer.send(Verdict("not run") if unsettled else watch.verdict)


def judge(tree: Path, tests: tuple[str, ...]) -> Verdict:
    """What the tests of a tree say."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LIBRARIES))
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=examine, args=(tree, tests, sender))
    child.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(LIMIT) else Verdict("hangs")
    except EOFError:
        return Verdict("not run")
    finally:
        child.kill()
        child.join()


def try_out(mutant: Mutant, clean: Path, place: Path) -> Verdict:
    """Plant one fault into a copy of the clean tree, which is removed again, and judge it."""
    shutil.copytree(clean, place)
    source = place / mutant.file
    source.write_text(planted(mutant, source.read_text()))
    verdict = judge(place, mutant.tests)
    shutil.rmtree(place)
    shutil.rmtree(scratch(place), ignore_errors=True)  # not there if no test ran
    return verdict


def main() -> int:
    os.environ["OMP_NUM_THREADS"] = "1"
    began, wanted = time.monotonic(), tuple(sys.argv[1:] or [""])
    todo = [mutant for mutant in mutants() if mutant.file.endswith(wanted)]
    if not todo:
        print(f"No mutants of {' '.join(wanted)}: name modules, such as detectors/gaia_a.py.")
        return 1
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        clean = Path(folder, "clean")
        for part in ("paper", "tests", "workflow"):
            shutil.copytree(ROOT / part, clean / part, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("config.yaml", "pyproject.toml"):
            shutil.copy(ROOT / file, clean)
        print("The tests without a fault ...", flush=True)
        verdict = judge(clean, tuple(sorted({test for mutant in todo for test in mutant.tests})))
        if verdict.kind != "survived":
            print((clean / "pytest.log").read_text(), f"They must pass first: {verdict}", sep="\n")
            return 1
        runs = {pool.submit(try_out, mutant, clean, Path(folder, str(n))): mutant for n, mutant in enumerate(todo)}
        verdicts = {}
        for done, run in enumerate(as_completed(runs), start=1):
            mutant = runs[run]
            verdicts[mutant] = run.result()
            print(f"{done:3} of {len(todo)}  {' '.join(verdicts[mutant])}  {mutant.file}: {mutant.fault}", flush=True)
    return report(verdicts, time.monotonic() - began)


def report(verdicts: dict[Mutant, Verdict], seconds: float) -> int:
    """Print the table; 1 if anything but caught mutants is in it."""
    print(f"\n{'source':40} mutants caught")
    for file in sorted({mutant.file for mutant in verdicts}):
        kinds = Counter(verdict.kind for mutant, verdict in verdicts.items() if mutant.file == file)
        print(f"{file:40} {kinds.total():7} {kinds['caught']:6}")
    left = {mutant: verdict for mutant, verdict in verdicts.items() if verdict.kind != "caught"}
    print(f"{'all':40} {len(verdicts):7} {len(verdicts) - len(left):6}   in {seconds:.0f} s")
    for mutant, verdict in left.items():
        print(f"\n{mutant.file}: {mutant.fault}: {' '.join(verdict)}\n- {mutant.old}\n+ {mutant.new}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
