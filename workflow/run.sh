#!/usr/bin/env bash
# Run an edition, write its HTML report, print its headline: workflow/run.sh CORES EDITION
#
# The report is also written when the run fails: of what there is, with a list of what is missing.
# This shell holds the lock that a run takes (workflow/ood/jobs/head.py), for both of its runs and the report: where a
# plain Snakemake is at work it waits, and after a kill the same command goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
cores=$1 edition=$2
made=results/editions/$edition
report=$made/report.html
mkdir -p results
exec 9>> results/.lock
flock --nonblock 9 || { echo "Another run is at work in $PWD ($(cat results/.lock)); waiting for it ..." >&2; flock 9; }
: > results/.lock
echo "process $$ on $(uname -n): $0 $*" >&9

# Each job on a GPU takes one for itself (workflow/ood/device.py). Without GPUs such jobs run on the CPU, without a limit.
gpus=$(! command -v nvidia-smi > /dev/null || python -c 'import torch; print(torch.cuda.device_count() or "")')
run() {
    OOD_LOCK_HELD=1 snakemake "$edition" --cores "$cores" ${gpus:+--resources "gpu=$gpus"} --quiet rules host "$@"
}
failed=0
trap 'echo "Interrupted. The same command goes on where it stopped." >&2; exit 130' INT
# Images first, and with them whether a benchmark has one on both sides, which stops it before anything is trained. If
# they come out as they were, although the code that prepares them was edited, what rests on them stays. Of rules that
# need each other, --until takes the last: what waits for one of its rules never starts. One file that cannot be had does
# not keep the others from being tried: all of them are named at once.
{ run --until disjoint --keep-going && run; } || failed=$?
changed() {
    find results workflow/report "$made" \( -path results/logs -o -path results/editions \) -prune -o \
        -type f ! -name .lock -newer "$report" -print -quit
}
if [ ! -f "$report" ] || [ -n "$(changed)" ]; then
    log=results/logs/editions/$edition/report.log
    mkdir -p "$made" "$(dirname "$log")"
    OOD_EDITION=$edition snakemake "$edition" --report "$made/report.part.html" > "$log" 2>&1 ||
        { [ "$failed" != 0 ] || cat "$log" >&2; exit 1; }
    mv "$made/report.part.html" "$report"
fi
[ "$failed" = 0 ] || { echo "The run failed; what it has made is in $report" >&2; exit "$failed"; }

cat "$made"/artifacts/overview/HEADLINE.*.txt
echo "Appendix: $(ls "$made/appendix.pdf" 2> /dev/null || echo 'not made, there is no LaTeX')"
echo "Report:   $report"
