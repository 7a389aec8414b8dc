"""The commands: ``python -m ood.audit show CELL [EDITION]``, ``verify [EDITION]``, ``diff RUN_A RUN_B``,
``export FILE.zip [EDITION]``, ``release FILE.zip NAME``, ``released``.
"""

import argparse
import logging
import sys
from pathlib import Path

from ood import command
from ood.audit import chain, numbers, released, rerun
from ood.audit.crate import CONTENTS, export, resting
from ood.audit.diff import diff
from ood.audit.lineage import find
from ood.audit.run import EDITIONS, editions
from ood.audit.show import show
from ood.errors import Problem, unknown
from ood.progress import log
from ood.records import Records, files

LEVELS = ("a", "b", "ab")


def _folder(name: str) -> Path:
    """A folder that is named. Raises Problem for an empty name, which as a path would be this folder."""
    if not name:
        raise Problem("diff compares two runs, and the folder of one is not named. Name it: make diff OLD=folder")
    return Path(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ood.audit", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    shown = commands.add_parser("show", help="where a printed number comes from")
    shown.add_argument("cell", help="its id, artifact/row/column")
    shown.add_argument("edition", nargs="?")
    verified = commands.add_parser("verify", help="is everything as the records say?")
    verified.add_argument("edition", nargs="?")
    verified.add_argument("--levels", choices=LEVELS, default="ab", help="which are checked (c comes with --rerun)")
    verified.add_argument("--rerun", type=int, default=0, metavar="K", help="scores of K cells again from the images")
    verified.add_argument("--seed", type=int, default=0, help="of the choice of those cells")
    verified.add_argument("--elsewhere", action="store_true", help="made with other code, perhaps")
    compared = commands.add_parser("diff", help="which cells of two runs differ, and why")
    compared.add_argument("before", type=_folder, metavar="RUN_A", help="the folder of a run")
    compared.add_argument("after", type=_folder, metavar="RUN_B")
    exported = commands.add_parser("export", help="a run as a Workflow Run RO-Crate, from which it can be verified")
    exported.add_argument("file", type=Path, metavar="FILE.zip")
    exported.add_argument("edition", nargs="?")
    about = "whole: with images, weights and features; numbers: without scores"
    exported.add_argument("--content", choices=CONTENTS, default="scores", help=about)
    exported.add_argument(
        "--stale", action="store_true", help="also if it was made with other code or inputs than today's"
    )
    kept = commands.add_parser("release", help="keep the crate of a run, if it is as its records say")
    kept.add_argument("file", type=Path, metavar="FILE.zip")
    kept.add_argument("name")
    commands.add_parser("released", help="verify the crates that are kept")
    return parser


def _edition(name: str | None) -> str:
    """The edition that is asked for, or the only one. Raises Problem."""
    known = editions()
    if not known:
        raise Problem(
            "No edition has results in this folder. Make one first: make demo. Or unpack a released one, of "
            f"{released.RELEASED}, in an empty folder, and ask there."
        )
    if name and name not in known:
        kept = released.RELEASED / f"{name}.zip"
        remedy = f" Unpack {kept} in an empty folder, and ask there." if kept.is_file() else ""
        raise Problem(unknown("edition with results", name, known) + remedy)
    if not name and len(known) != 1:
        raise Problem(f"{len(known)} editions have results ({', '.join(known)}). Name one, for instance EDITION=demo.")
    return name or known[0]


def verify(edition: str | None, levels: str, count: int, seed: int, elsewhere: bool) -> bool:
    """Print one line per level, and what it found, of an edition or of all records; whether all was found right."""
    records = Records.load()
    if not (records or records.broken or edition or any(files())):
        print("nothing was run in this folder")
        return True
    targets = [_edition(edition)] if edition else editions()
    tops = [path for path in records if not edition or path.startswith(f"{EDITIONS}/{edition}/")]
    outputs = records.upstream(tops)
    checks = {
        "a": lambda: chain.verify(records, targets, elsewhere),
        "b": lambda: numbers.verify(records, outputs),
        "c": lambda: rerun.verify(records, targets, count, seed),
    }
    right = True
    for name in levels + ("c" if count else ""):
        level = checks[name]()
        print(level, flush=True)
        right &= not level.findings
    return right


def refuse_stale(edition: str, records: Records) -> None:
    """Raises Problem if an edition was made with other code or inputs than today's, which a crate of it would hold."""
    made = records.only(resting(edition, records))
    if stale := [*chain.sources(made), *chain.own_inputs(made)]:
        more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
        raise Problem(
            f"{stale[0]}{more}. A crate of {edition} would hold this file with the numbers of the other. Run again "
            f"what is stale (make status EDITION={edition}), or export it all the same with STALE=1 (--stale); but a "
            "crate with other files than its records say cannot be released."
        )


def verify_released() -> bool:
    """The same of every crate that is kept."""
    right = True
    for file in released.runs():
        well, said = released.verify(file)
        print(f"{file}, {said}", end="", flush=True)
        right &= well
    return right


def run(options: argparse.Namespace) -> bool:
    """Do what is asked for; whether all is well."""
    if options.command == "show":
        print(show(find(options.cell, _edition(options.edition), Records.load())))
    elif options.command == "export":
        edition, records = _edition(options.edition), Records.load()
        if not options.stale:
            refuse_stale(edition, records)
        export(edition, records, options.file, options.content)
    elif options.command == "release":
        kept, said = released.release(options.file, options.name)
        print(f"{said}kept as {kept}")
    elif options.command == "released":
        return verify_released()
    elif options.command == "diff":
        lines, same = diff(options.before, options.after)
        print(*lines, sep="\n")
        return same
    else:
        return verify(options.edition, options.levels, options.rerun, options.seed, options.elsewhere)
    return True


def main() -> int:
    options = _parser().parse_args()
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler(sys.stderr))
    return 0 if run(options) else 1


if __name__ == "__main__":
    command.run(main)
