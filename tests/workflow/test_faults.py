"""What goes wrong, and what the user is told; nothing half-written, nothing lost."""

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from browser import dom


def test_killed_twice_and_started_again_it_ends_with_the_same_bytes(finished, fresh):
    """kill -9 to the whole process group: make's, some way into a run from nothing, then a plain one's, the next."""
    (fresh.folder / "config.yaml").write_bytes((finished.folder / "config.yaml").read_bytes())
    for seconds, command in ((6, ["workflow/run.sh", "2", "demo"]), (14, ["snakemake", "--cores", "2"])):
        with (fresh.folder / "head.log").open("w") as log:
            running = subprocess.Popen(
                command, cwd=fresh.folder, env=fresh.environment(), stdout=log, stderr=log, start_new_session=True
            )
            time.sleep(seconds)
            assert running.poll() is None, (fresh.folder / "head.log").read_text()
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    again = fresh.run(*command)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "HEADLINE" in str(fresh.digests())
    assert fresh.digests() == finished.digests()
    assert not list((fresh.folder / "results/.partial").glob("*"))


def test_code_that_was_edited_during_a_run_and_put_back_leaves_its_result_stale(fresh):
    """The job is planned with the one code and runs the other: Snakemake's own notes say the first."""
    target, module = "results/data/disjoint/digits_heldout.json", "workflow/ood/data/disjoint.py"
    text = (fresh.folder / module).read_text()
    (fresh.folder / "edit.sh").write_text(f'sed -i \'1s/"""/"""Edited. /\' {module}\n')
    environment = fresh.environment() | {"BASH_ENV": "edit.sh"}  # which every job's shell reads before its command
    command = ["snakemake", "--cores", "2", target]
    run = subprocess.run(command, cwd=fresh.folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 0 and (fresh.folder / module).read_text() != text, run.stderr
    (fresh.folder / module).write_text(text)
    assert fresh.planned(target) == {"disjoint": 1}
    assert fresh.snakemake(target).returncode == 0
    assert fresh.planned(target) == {}


def test_a_plain_run_takes_what_came_without_notes_for_what_its_records_say(fresh):
    """As results copied from elsewhere do: of what was made with other code than today's Snakemake would not know."""
    target = fresh.folder / "results/data/disjoint/digits_heldout.json"
    prepared = fresh.folder / "results/data/digits_kept/card.json.record.json"
    assert fresh.snakemake(str(target.relative_to(fresh.folder))).returncode == 0
    shutil.rmtree(fresh.folder / ".snakemake")
    target.unlink()
    fresh.edit("workflow/ood/data/prepare.py", '"""', '"""Edited. ')
    before = json.loads(prepared.read_text())
    assert fresh.snakemake(str(target.relative_to(fresh.folder))).returncode == 0
    assert target.exists() and json.loads(prepared.read_text())["code"] != before["code"]


def test_two_runs_in_one_folder_keep_out_of_each_other(fresh):
    """A plain Snakemake is at work: a second one is refused, and make waits before it clears what jobs are writing."""
    command = ["snakemake", "--cores", "1", "--", "results/data/letters/index.parquet"]
    lock = fresh.folder / "results/.lock"
    first = subprocess.Popen(command, cwd=fresh.folder, env=fresh.environment(), stderr=subprocess.DEVNULL)
    try:
        while not lock.is_file() or not lock.read_text():
            assert first.poll() is None
            time.sleep(0.1)
        first.send_signal(signal.SIGSTOP)
        at_work = fresh.folder / "results/.partial/of-a-job-at-work"
        at_work.mkdir(parents=True)
        holder = (
            f"Another run is at work in {fresh.folder} (process {first.pid} on {platform.node()}: snakemake --cores 1"
        )
        second = fresh.snakemake("results/data/faces/index.parquet")
        assert second.returncode != 0
        assert holder in second.stderr and "Traceback" not in second.stderr, second.stderr
        waiting = subprocess.Popen(
            ["workflow/run.sh", "1", "demo"],
            cwd=fresh.folder,
            env=fresh.environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert holder in waiting.stderr.readline()
        waiting.kill()
        waiting.wait()
        assert at_work.is_dir()
    finally:
        first.send_signal(signal.SIGCONT)
        first.wait()
    assert first.returncode == 0
    for _ in range(2):  # none of them has left the folder locked
        assert fresh.snakemake("results/data/faces/index.parquet").returncode == 0


def by_hand(config: dict) -> None:
    """One benchmark, whose four files have no URL."""
    config["benchmarks"] = {"svhn_part": config["benchmarks"]["svhn_part"] | {"ood": ["textures_dtd10_crop"]}}
    del config["benchmarks"]["svhn_part"]["averages"]
    config["editions"], config["default"] = {"demo": ["svhn_part"]}, ["demo"]


def test_all_files_that_must_be_put_by_hand_are_named_at_once(fresh, monkeypatch):
    monkeypatch.setenv("OOD_MIRROR", "")
    fresh.configure(by_hand)
    result = fresh.run("workflow/run.sh", "1", "demo")
    assert result.returncode != 0
    named = set(re.findall(r"Put it at mirror/(\S+) by hand", result.stderr))
    parts = {f"svhn/{name}" for name in ("train_first4434.webp.tar", "test_first1952.webp.tar", "meta.npz")}
    assert named == parts | {"dtd/dtd_10classes_1200_short128.tar.gz"}
    assert not (fresh.folder / "results/checkpoints").exists()


def test_a_checkpoint_outside_its_band_stops_what_hangs_on_it(project):
    project.configure(lambda config: config["recipes"]["digits"].update(accuracy=[0.999, 1.0]))
    result = project.snakemake("digits")
    assert result.returncode != 0
    assert "is outside the band 99.90% to 100.00% of recipes.digits.accuracy in config.yaml" in result.stderr
    assert set(project.planned("digits")) >= {"accept"}
    end = result.stderr[result.stderr.index("What failed, and why (") :]  # once more, after all else that jobs printed
    log = "results/logs/checkpoints/digits/seed0.accepted.log"
    assert re.search(f"{log}:\n    .*: test accuracy .* is outside the band", end), end
    assert "rule accept" not in end


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


def test_a_failing_notebook_is_kept_and_named_and_the_report_says_what_is_missing(project):
    project.edit("notebooks/rg.py", "rg.clips(evidence, benchmark)", "rg.no_such_table(evidence)")
    result = project.run("workflow/run.sh", "2", "demo")
    assert result.returncode != 0
    assert "notebooks/rg.py, cell" in result.stderr and "no_such_table" in result.stderr
    assert (project.folder / "results/logs/editions/demo/notebooks/rg.failed.ipynb").is_file()
    report = project.folder / "results/editions/demo/report.html"
    assert f"what it has made is in {report.relative_to(project.folder)}" in result.stderr
    shown = dom(report, project.folder / "profile")
    missing = set(re.findall(r"results/editions/demo/[\w/.-]+\.(?:html|png|pdf)(?=</p>|</li>)", shown))
    assert f"{len(missing)} results of this edition are missing" in shown
    assert {Path(path).name for path in missing} >= {"RG-T1.digits.html", "RG-T3.digits.html", "rg.html"}
    assert not any("gaia" in path for path in missing) and "GAIA" in shown
    claims = pd.read_csv(project.folder / "results/editions/demo/artifacts/overview/CLAIMS.csv").set_index("id")
    for paper in ("GAIA", "IGOE", "RG"):  # its first page opens with how many claims came out how
        printed, ours = claims.loc[f"CLAIMS/{paper}/digits", ["printed", "ours"]]
        assert re.search(rf"<td>{paper}</td>\s*<td>{printed}</td>\s*<td>{ours}</td>", shown)


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
