#!/usr/bin/env bash
# Run a target, write the HTML report, print the headline: workflow/run.sh CORES TARGET
#
# The lock of the operating system, held by this shell and its jobs and gone with the last of them, stands in for
# Snakemake's own, which a killed run leaves behind: after a kill the same command goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
cores=$1 target=$2
report=results/report.html
mkdir -p results
exec 9> results/.lock
flock --nonblock 9 || { echo "Another run is at work in this folder; waiting for it ..." >&2; flock 9; }
rm -rf results/.partial

snakemake "$target" --cores "$cores" --nolock --rerun-incomplete --quiet rules host
changed() { find results workflow/report -path results/logs -prune -o -type f ! -name .lock -newer "$report" -print -quit; }
if [ ! -f "$report" ] || [ -n "$(changed)" ]; then
    snakemake "$target" --nolock --report "$report.part.html" > results/logs/report.log 2>&1 ||
        { cat results/logs/report.log >&2; exit 1; }
    mv "$report.part.html" "$report"
fi

cat results/artifacts/overview/HEADLINE.*.txt
echo "Appendix: $(ls results/paper/appendix.pdf 2> /dev/null || echo 'not made, there is no LaTeX')"
echo "Report:   $report"
