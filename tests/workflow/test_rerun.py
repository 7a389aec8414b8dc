"""What reruns: exactly what depends on a change, counted in dry runs."""

import os
import random
import subprocess

import pandas as pd
import pytest
import yaml

PROFILE = "workflow/profiles/default/config.yaml"
DOWNSTREAM = {"cells": 1, "verdicts": 1, "demo_overview": 1, "demo_gaia": 1, "demo_igoe": 1, "demo_rg": 1}
DOWNSTREAM |= {"summaries": 1, "demo_digits_lineage": 1, "demo_lineage": 1, "all": 1}
DETECTORS = 18
NETWORK = 2  # of them, those that run the network themselves: ODIN and RankFeat
CHAIN = {"training_cards": 1, "train": 1, "accept": 1, "extract": 3, "rounding": 1}
CHAIN |= {"score": DETECTORS - NETWORK, "score_network": NETWORK, "evaluate": DETECTORS}


@pytest.fixture
def after(finished):
    """What everything after the scores comes to, but for their metrics, with the appendix where LaTeX is installed."""
    pdf = (finished.folder / "results/editions/demo/appendix.pdf").is_file()
    return DOWNSTREAM | ({"demo_appendix": 1} if pdf else {})


def test_nothing_to_do_after_a_run(finished):
    assert finished.planned() == {}


@pytest.mark.parametrize(
    ("deleted", "rule"),
    [
        ("scores/digits/seed0/msp", "score"),
        ("metrics/digits/msp", "evaluate"),
        ("summaries/digits", "summaries"),
        ("claims/digits", "verdicts"),
    ],
)
def test_what_an_audit_reads_is_made_again(project, deleted, rule):
    """Snakemake itself would do without, as long as what was made from it is there."""
    (project.folder / f"results/{deleted}.parquet").unlink()
    assert project.planned()[rule] == 1


def test_touching_every_file_reruns_nothing(project):
    """Sources and results get new times, in an order that makes inputs newer than what was made from them."""
    files = [path for path in project.folder.rglob("*") if path.is_file() and ".snakemake" not in path.parts]
    random.Random(0).shuffle(files)
    for second, path in enumerate(files):
        os.utime(path, (2e9 + second, 2e9 + second))
    assert project.planned() == {}


def test_of_files_above_a_size_the_times_are_compared(project):
    """The size is the one that README.md gives; here it is less than what a pass leaves."""
    size = yaml.safe_load((project.folder / PROFILE).read_text())["max-checksum-file-size"]
    said = (project.folder / "README.md").read_text()
    assert f"| touching, cloning, checking out, documentation | nothing, with files up to {size[:-2]} MB;" in said
    os.utime(project.folder / "results/features/digits/seed0/letters.safetensors", (2e9, 2e9))
    assert project.planned() == {}
    project.edit(PROFILE, size, "1KB")
    assert project.planned().items() >= {"score": DETECTORS - NETWORK, "rounding": 1}.items()


def test_cloning_reruns_nothing(project, tmp_path):
    """A new clone has new times everywhere; results and Snakemake's notes are carried over."""
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], cwd=project.folder, check=True)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(project.folder), str(clone)], check=True)
    for carried in ("results", ".snakemake"):
        subprocess.run(["cp", "-a", str(project.folder / carried), str(clone / carried)], check=True)
    project.folder = clone
    assert project.planned() == {}


def test_editing_a_detector_reruns_its_scores_and_what_hangs_on_them(project, after):
    project.edit("workflow/ood/detectors/gradnorm.py", "(feature + 1) * output", "(1 + feature) * output")
    assert project.planned() == {"score": 1, "evaluate": 1} | after


def stamps(project) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of every result, records and logs among them; not of the lock, which names the last run."""
    results = project.folder / "results"
    return {
        str(path.relative_to(results)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in results.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_another_fusion_makes_gaia_again_and_touches_nothing_else(project):
    """Really run: files with other bytes or times are its scores, what is made of these, and what shows that."""
    before = stamps(project)
    project.edit("workflow/ood/detectors/gaia_a.py", "output ** (2 * q)", "output ** q")
    result = project.snakemake()
    assert result.returncode == 0, result.stderr
    after = stamps(project)
    made = {path for path in after if before.get(path) != after[path] and not path.startswith(("logs", "benchmarks"))}
    chain = {"scores/digits/seed0/gaia_a.parquet", "metrics/digits/gaia_a.parquet"}
    chain |= {"cells/digits.parquet", "summaries/digits.parquet", "claims/digits.parquet"}
    shown = {path for path in before if path.startswith("editions/demo") and "/networks.html" not in path}
    assert made == chain | {f"{path}.record.json" for path in chain} | shown
    assert before.keys() <= after.keys()
    table = "editions/demo/artifacts/gaia/GAIA-S-T3.digits.csv"
    assert before[table][0] != after[table][0]
    assert (
        before["editions/demo/artifacts/rg/RG-T3.digits.csv"][0]
        == after["editions/demo/artifacts/rg/RG-T3.digits.csv"][0]
    )
    assert project.planned() == {}


def test_another_caption_makes_only_the_report_again(project):
    """No job: the report alone reads captions."""
    assert project.run("workflow/run.sh", "2", "demo").returncode == 0
    before = stamps(project)
    project.edit("workflow/report/RG-T3.rst", "RG", "A caption of today, RG")
    assert project.planned() == {}
    assert project.run("workflow/run.sh", "2", "demo").returncode == 0
    after = stamps(project)
    assert {path for path in after if before.get(path) != after[path]} == {
        "editions/demo/report.html",
        "logs/editions/demo/report.log",
    }
    assert b"A caption of today" in after["editions/demo/report.html"][0]


def test_a_new_ood_set_is_extracted_and_scored_without_another_pass_over_the_others(project, after):
    """A score file holds all sets of a benchmark, so each is written again; what it held before is the same."""
    scores = [f"results/scores/digits/seed0/{detector}.parquet" for detector in ("energy", "gaia_a")]
    old = [pd.read_parquet(project.folder / path) for path in scores]
    project.configure(lambda config: config["benchmarks"]["digits"]["ood"].append("science"))
    added = {"prepare": 1, "disjoint": 1, "extract": 1, "evaluate": DETECTORS, "closeup": 1, "rounding": 1}
    added |= {"score": DETECTORS - NETWORK, "score_network": NETWORK}
    assert project.planned() == added | after
    before = stamps(project)
    result = project.snakemake("--", *scores)
    assert result.returncode == 0, result.stderr
    assert not {
        path
        for path, stamp in stamps(project).items()
        if path.startswith("features") and before.get(path, stamp) != stamp
    }
    for path, was in zip(scores, old, strict=True):
        now = pd.read_parquet(project.folder / path)
        assert set(now["dataset"]) == set(was["dataset"]) | {"science"}
        same = now[now["dataset"] != "science"].reset_index(drop=True)
        text = {"dataset": str}  # the categories have one more
        pd.testing.assert_frame_equal(same.astype(text), was.astype(text), check_exact=True)


def test_editing_a_helper_reruns_exactly_its_importers(project, after):
    project.edit("workflow/ood/passes/layers.py", "weights / weights.sum()", "(weights / weights.sum())")
    assert project.planned() == {"score": 2, "evaluate": 2} | after  # gaia_a, gaia_z
    project.edit("workflow/ood/passes/layers.py", "(weights / weights.sum())", "weights / weights.sum()")
    assert project.planned() == {}


def test_editing_what_is_extracted_reruns_extraction_but_not_training(project, after):
    """And not ODIN and RankFeat, which run the network themselves."""
    project.edit("workflow/ood/passes/attribution.py", "gradient.abs().mean(dim=(2, 3))", "gradient.abs().mean((2, 3))")
    extracted = {"extract": 3, "score": DETECTORS - NETWORK, "evaluate": DETECTORS - NETWORK, "rounding": 1}
    assert project.planned() == extracted | {"closeup": 1} | after


def test_what_a_detector_says_of_itself_is_said_on_the_lineage_pages(project):
    """Its scores are the same, so that nothing else is to be made again."""
    project.edit("workflow/ood/detectors/msp.py", '"""', '"""Said otherwise today. ')
    assert project.snakemake("--", "results/scores/digits/seed0/msp.parquet").returncode == 0
    assert project.planned() == {"demo_digits_lineage": 1, "demo_lineage": 1, "all": 1}


def test_editing_a_notebook_reruns_it_and_the_appendix(project, after):
    project.edit("notebooks/rg.py", "# # RG", "# # Reactivate GradNorm")
    rules = ("demo_rg", "demo_digits_lineage", "demo_lineage", "demo_appendix", "all")
    assert project.planned() == {rule: 1 for rule in rules if rule in after}


def test_editing_a_claim_reruns_the_verdicts_and_the_overview(project, after):
    project.edit("paper/claims.yaml", "auroc(rg_k01) < auroc(norm1_energy)", "auroc(rg_k03) < auroc(norm1_energy)")
    rules = ("verdicts", "demo_overview", "demo_digits_lineage", "demo_lineage", "demo_appendix", "all")
    assert project.planned() == {rule: 1 for rule in rules if rule in after}


def test_editing_the_readme_or_another_module_reruns_nothing(project):
    project.edit("README.md", "\n", "\n\n")
    project.edit("workflow/ood/jobs/cost.py", '"""What', '"""Edited. What')
    project.edit("workflow/ood/progress.py", "%d of %d, %s left", "%d/%d, %s left")  # of the frame
    assert project.planned() == {}


def test_a_new_seed_adds_its_chain(project, after):
    project.configure(lambda config: config["benchmarks"]["digits"]["seeds"].append(1))
    assert project.planned() == CHAIN | after


def test_a_changed_recipe_reruns_its_trainings_and_all_after_them(project, after):
    project.configure(lambda config: config["recipes"]["digits"].update(epochs=2))
    assert project.planned() == CHAIN | {"closeup": 1} | after


def test_editing_what_is_looked_at_closely_reruns_its_figures(project, after):
    project.edit("workflow/ood/passes/saliency.py", "amax((1, 2), keepdim=True)", "amax(dim=(1, 2), keepdim=True)")
    rules = ("demo_gaia", "demo_appendix", "demo_digits_lineage", "demo_lineage", "all")
    assert project.planned() == {"closeup": 1} | {rule: 1 for rule in rules if rule in after}


def test_a_detector_is_one_file_and_one_line(project, after):
    """The new method is found, run for real, and nothing else is."""
    (project.folder / "workflow/ood/detectors/margin.py").write_text(
        '"""Margin: the gap between the two largest logits."""\n\nimport numpy as np\n\n'
        "from ood.detectors import Detector\n\n\n"
        'class Method(Detector):\n    default = "margin"\n\n'
        "    def score(self, images, fitted):\n"
        "        ordered = np.sort(images.z, axis=1)\n"
        '        return {"margin": ordered[:, -1] - ordered[:, -2]}\n'
    )
    project.edit("config.yaml", "detectors:\n", "detectors:\n  margin: {}\n")
    del after["verdicts"]  # no claim is about it
    assert project.planned() == {"score": 1, "evaluate": 1} | after
    result = project.snakemake("demo_overview")
    assert result.returncode == 0, result.stderr
    assert "margin" in (project.folder / "results/editions/demo/artifacts/overview/HEADLINE.digits.txt").read_text()
