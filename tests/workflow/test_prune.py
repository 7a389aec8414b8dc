"""``make prune``: what belongs to nothing is listed, and removed when asked; nothing else is."""

import fcntl
from pathlib import Path


def prune(project, *arguments: str) -> list[str]:
    """The paths that are listed."""
    result = project.run("python", "-m", "ood.jobs.prune", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()[:-1]


def files(project) -> set[str]:
    results = project.folder / "results"
    return {str(path.relative_to(project.folder)) for path in results.rglob("*") if path.is_file()}


def test_after_a_run_there_is_nothing_to_remove(finished):
    assert prune(finished) == []


def test_what_a_removed_ood_set_leaves_is_listed_then_removed(project):
    project.configure(lambda config: config["benchmarks"]["digits"]["ood"].remove("faces"))
    before = files(project)
    expected = {path for path in before if "/faces" in path}
    assert len(expected) > 10
    assert set(prune(project)) == expected and files(project) == before
    assert set(prune(project, "--remove")) == expected
    assert files(project) == before - expected
    assert not (project.folder / "results/data/faces").exists()
    assert prune(project) == []


def test_downloads_stay_and_states_until_all_has_come_to_its_end(project):
    results = project.folder / "results"
    kept = (
        "archives/a.tar",
        "logs/slurm/rule_train/digits_0/17.log",
        ".downloads/b.tar.part",
        ".downloads/b.tar.lock",
        ".gpus/0.lock",
        ".partial/c/d.npy",
    )
    for name in (*kept, ".state/abc/epoch.pt"):
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text("")
    (project.folder / "elsewhere").mkdir()
    (project.folder / "elsewhere/own.parquet").write_text("")
    (results / "linked").symlink_to("../elsewhere")
    assert prune(project) == ["results/.state/abc"]
    (results / "checkpoints/digits/seed0/accepted.json").unlink()
    log = results / "logs/checkpoints/digits/seed0.accepted.log"
    ended = log.read_text()
    log.write_text("12:00:00 half")
    assert prune(project) == []
    log.write_text(ended)
    assert prune(project, "--remove") == ["results/.state/abc"]
    assert not Path(results, ".state/abc").exists() and all(Path(results, name).exists() for name in kept)


def test_the_appendix_belongs_even_where_there_is_no_latex(project):
    pdf = project.folder / "results/editions/demo/appendix.pdf"
    pdf.touch()
    assert prune(project) == []


def test_nothing_is_removed_while_a_run_is_at_work(project):
    project.configure(lambda config: config["benchmarks"]["digits"]["ood"].remove("faces"))
    with (project.folder / "results/.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        before = files(project)
        result = project.run("python", "-m", "ood.jobs.prune", "--remove")
        assert result.returncode == 1 and "Another run is at work" in result.stderr, result.stderr
        assert prune(project)  # it may be listed
        assert files(project) == before
