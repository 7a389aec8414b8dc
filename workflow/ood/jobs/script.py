"""What is left to do for a target as one shell script: ``make script TARGET=cifar10 > cifar10.sh``.

For a machine with a GPU, this folder and its libraries, but neither Snakemake nor a network: what was fetched and
prepared here is copied along in results/. If it is started again, the script resumes where it stopped, because a step
names its outputs only at its end. What was stale when the script was written is made again: there a job counts as done
when the records are other ones. What it made is copied back with its records, and Snakemake accepts it as made.

Appendices are left out: there may be no LaTeX, and once the rest is copied back, Snakemake typesets them here.

While it runs it keeps other runs out of the folder, which would clear what its jobs are writing.
"""

import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ood import command, ledger
from ood.config import read
from ood.errors import Problem
from ood.jobs.head import LOCK
from ood.jobs.plan import Job, plan

TYPESETTING = "_appendix"  # how the rules that need LaTeX end
LOCKING = f"""\
mkdir -p {ledger.RESULTS}
exec 9>> {LOCK}
flock --nonblock 9 || {{ echo "Another run is at work in $PWD ($(cat {LOCK})). Wait for it, or stop it." >&2; exit 1; }}
: > {LOCK}
echo "process $$ on $(uname -n): $0 $*" >&9"""
FUNCTIONS = """\
threads() { # of the libraries that a step computes with, like Snakemake's: sums' last bits hang on their number
    export {OMP,OPENBLAS,MKL}_NUM_THREADS=$1
}
made() { # whether a file is there with a record, and another one than had this digest when the script was written
    [ -e "$1" ] && [ -e "$1.record.json" ] && [ "$(sha256sum < "$1.record.json" | cut -c -64)" != "$2" ]
}"""


def _made(output: Path) -> str:
    record = ledger.record_path(output)
    return f"made {shlex.quote(str(output))} {ledger.sha256(record) if record.is_file() else 'none'}"


def lines(jobs: Iterable[Job], mirror: str) -> Iterator[str]:
    """The script: a line per job that would run, in an order in which each finds its inputs."""
    left = [job for job in jobs if job.runs and not job.rule.endswith(TYPESETTING)]
    yield "#!/usr/bin/env bash"
    yield f"# {len(left)} jobs, in the project's folder. A job whose outputs have been made meanwhile is left out."
    yield "set -euo pipefail"
    yield LOCKING
    yield f"export PYTHONPATH=workflow OOD_MIRROR=${{OOD_MIRROR:-{shlex.quote(mirror)}}}"
    yield FUNCTIONS
    for number, job in enumerate(left, start=1):
        made = " && ".join(map(_made, job.outputs))
        said = shlex.quote(f"{number} of {len(left)}: {job.rule} {job.outputs[0]}")
        yield f"{{ {made}; }} || {{ echo {said} >&2; threads {job.threads}; {job.command}; }}"


def main() -> None:
    if len(sys.argv) < 2:
        raise Problem("No target is given. Name a benchmark, an edition or a file, for instance TARGET=cifar10.")
    jobs = plan(*sys.argv[1:])
    print(*lines(jobs, read().mirror or ""), sep="\n")
    fetched = sum(job.runs and job.rule == "fetch" for job in jobs)
    if fetched:
        print(
            f"The script fetches {fetched} files, for which its machine needs a network or the mirror. To fetch them "
            f"here, run\n    snakemake --cores 1 --until fetch -- {shlex.join(sys.argv[1:])}\n"
            "and write the script again.",
            file=sys.stderr,
        )


if __name__ == "__main__":
    command.run(main)
