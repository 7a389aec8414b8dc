"""What goes wrong, and what the user is told; nothing half-written, nothing lost."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

VOLATILE = ("logs", "benchmarks", ".partial", ".state")


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every result but records, logs and timings, which tell of the run and not of the result."""
    results = folder / "results"
    return {
        str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(results.rglob("*"))
        if path.is_file()
        and path.relative_to(results).parts[0] not in VOLATILE
        and not path.name.endswith((".record.json", ".lock"))
        and path.name not in ("report.html", "timing.json", "networks.html")
    }


@pytest.mark.parametrize("seconds", [6, 14])
def test_killed_and_started_again_it_ends_with_the_same_bytes(finished, tmp_path, seconds):
    """kill -9 to the whole process group, some way into a run from nothing; then the same command again."""
    project = type(finished).copy(tmp_path)
    (tmp_path / "config.yaml").write_bytes((finished.folder / "config.yaml").read_bytes())
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["workflow/run.sh", "2", "demo"]
    with (tmp_path / "first.log").open("w") as log:
        running = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        time.sleep(seconds)
        assert running.poll() is None, (tmp_path / "first.log").read_text()
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    again = project.run(*command)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "HEADLINE" in str(digests(tmp_path))
    assert digests(tmp_path) == digests(finished.folder)
    assert not list((tmp_path / "results/.partial").glob("*"))


def test_a_checkpoint_outside_its_band_stops_what_hangs_on_it(project):
    project.configure(lambda config: config["recipes"]["digits"].update(accuracy=[0.999, 1.0]))
    result = project.snakemake("digits")
    assert result.returncode != 0
    assert "is outside the band 99.90% to 100.00% of recipes.digits.accuracy in config.yaml" in result.stderr
    assert "results/logs/checkpoints/digits/seed0.accepted.log" in result.stderr
    assert set(project.planned("digits")) >= {"accept"}


def test_a_result_that_was_changed_is_not_read(project):
    scores = project.folder / "results/scores/digits/seed0/energy.parquet"
    scores.write_bytes((project.folder / "results/scores/digits/seed0/msp.parquet").read_bytes())
    result = project.snakemake("--forcerun", "evaluate", "--", "results/metrics/digits/energy.parquet")
    assert result.returncode != 0
    assert "results/scores/digits/seed0/energy.parquet was changed after it was made" in result.stderr


def test_a_result_without_a_record_is_not_read(project):
    (project.folder / "results/cells/digits.parquet.record.json").unlink()
    result = project.snakemake("--forcerun", "demo_rg", "--", "demo_rg")
    assert result.returncode != 0
    assert "results/cells/digits.parquet has no record" in result.stderr


def test_a_failing_notebook_is_kept_and_named(project):
    project.edit("notebooks/rg.py", "rg.clips(evidence, benchmark)", "rg.no_such_table(evidence)")
    result = project.snakemake("demo_rg")
    assert result.returncode != 0
    assert "notebooks/rg.py, cell" in result.stderr and "no_such_table" in result.stderr
    assert (project.folder / "results/logs/editions/demo/notebooks/rg.failed.ipynb").is_file()


def test_a_renamed_variant_stops_the_notebook_with_its_cell(project):
    project.edit("workflow/ood/artifacts/gaia.py", '("gaia_z", "all")', '("gaia_z", "every")')
    result = project.snakemake("demo_gaia")
    assert result.returncode != 0
    assert "no cell digits/gaia_z/every/average" in result.stderr


def test_an_unknown_cell_id_stops_the_appendix(project):
    if not (project.folder / "results/editions/demo/appendix.pdf").is_file():
        pytest.skip("LaTeX is not installed: apt-get install latexmk texlive-latex-recommended lmodern")
    project.edit("paper/sections/rg.tex", "\\section{RG}", "\\section{RG} \\ours{RG-T3/k=9/SUN AUROC}")
    result = project.snakemake("demo_appendix")
    assert result.returncode != 0
    assert "There is no cell 'RG-T3/k=9/SUN AUROC'" in result.stderr
