"""What clusters do to a training job and to the process that submits it, and that the same bytes come of it.

The first faults concern one run each and are done at the same time, each in a folder of its own; the tests say what
must have come of them. A training that has logged an epoch has saved its state after the one before. The last fault
concerns the whole cluster, and comes alone.
"""

import subprocess
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import psutil
import pytest
from training import EPOCHS, Training, cluster_up, slurm, until

FAULTS: dict[str, Callable[[Training], None]] = {}


def fault(function: Callable) -> Callable:
    FAULTS[function.__name__] = function
    return function


@pytest.fixture(scope="session")
def runs(projects, tmp_path_factory) -> dict[str, Future]:
    """Each fault's finished run."""

    def done(name: str) -> Training:
        training = Training(projects["slurm"], tmp_path_factory.mktemp(name) / "project")
        FAULTS[name](training)
        return training

    with ThreadPoolExecutor(len(FAULTS)) as pool:
        return {name: pool.submit(done, name) for name in FAULTS}


@pytest.fixture
def training(projects, tmp_path) -> Training:
    return Training(projects["slurm"], tmp_path / "project")


@fault
def cancelled(training):
    head = training.start()
    training.reach(3, head)
    slurm("scancel", training.running()[0])
    assert training.end(head) == 0, training.said()


def test_a_cancelled_job_is_submitted_again_and_goes_on_from_its_last_epoch(runs, reference):
    training = runs["cancelled"].result()
    training.is_as(reference)
    assert training.jobs() == ["CANCELLED", "COMPLETED"]
    assert "SLURM status is: 'CANCELLED'" in training.said()
    assert 2 <= training.epochs_taken_over() == training.first_epoch() - 1


@fault
def out_of_time(training):
    """A limit of a minute, which SLURM does not take lower, and a training that is stopped until it is up."""
    training.project.edit("slurm/config.yaml", "runtime: 240 * attempt", "runtime: attempt")
    head = training.start()
    training.reach(2, head)
    training.process().suspend()
    assert training.end(head) == 0, training.said()


def test_a_job_out_of_time_goes_on_from_its_last_epoch_with_more_time(runs, reference):
    training = runs["out_of_time"].result()
    training.is_as(reference)
    assert training.jobs() == ["TIMEOUT", "COMPLETED"]
    assert 1 <= training.epochs_taken_over() == training.first_epoch() - 1
    assert "going on after epoch" in training.log()


@fault
def out_of_memory(training):
    training.project.edit("slurm/config.yaml", "mem_mb: 16000 * attempt", "mem_mb: 300 if attempt == 1 else 4000")
    head = training.start()
    assert training.end(head) == 0, training.said()


def test_a_job_out_of_memory_gets_more(runs, reference):
    training = runs["out_of_memory"].result()
    training.is_as(reference)
    assert training.jobs() == ["FAILED", "COMPLETED"]  # OUT_OF_MEMORY where cgroups find it out
    asked = slurm("sacct", "-X", "-n", "-P", "-o", "ReqMem,WorkDir").splitlines()
    assert [row.split("|")[0] for row in asked if row.endswith(f"|{training.folder}")] == ["300M", "4000M"]


@fault
def disk_full(training):
    """Drafts and checkpoints on a disk of 64 kB, which a checkpoint does not fit into; then as much as there is."""
    drafts, checkpoints = (training.folder / "results" / name for name in (".partial", "checkpoints/digits"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", drafts], check=True)
    subprocess.run(["mount", "--bind", drafts, checkpoints], check=True)
    try:
        head = training.start("--retries", "0")
        assert training.end(head) != 0, training.said()
        training.found = [str(path) for path in (training.folder / "results/checkpoints").rglob("*")]
        training.failed = training.log()
    finally:
        subprocess.run(["umount", checkpoints, drafts], check=True)
    assert training.end(training.start()) == 0, training.said()


def test_a_full_disk_is_named_and_costs_no_epoch(runs, reference):
    training = runs["disk_full"].result()
    assert "No space left on device" in training.failed
    assert f"Make room in {training.folder}/results/.partial and run again" in training.failed
    assert "Traceback" not in training.failed
    assert not [path for path in training.found if path.endswith((".safetensors", ".json"))]
    training.is_as(reference)
    assert training.jobs() == ["FAILED", "COMPLETED"]
    assert training.epochs_taken_over() == EPOCHS


@fault
def no_gpu(training):
    training.command = (*training.command, "--retries", "0")
    assert training.end(training.start(OOD_CPU_IS_FINE="")) != 0, training.said()


def test_a_job_that_sees_no_gpu_says_so_at_once(runs):
    training = runs["no_gpu"].result()
    assert "This job was promised a GPU (CUDA_VISIBLE_DEVICES is " in training.log()
    assert "epoch" not in training.log()
    assert training.jobs() == ["FAILED"]


@fault
def head_killed(training):
    """kill -9, and the same command while the job of the first still runs; a second one beside it is refused."""
    head = training.start()
    training.reach(2, head)
    head.kill()
    head.wait()
    lost = training.folder / "results/.partial/of-a-job-that-was-lost"
    lost.mkdir()
    head = training.start()
    until(lambda: "Waiting for jobs of an earlier run" in training.said(), "the second head")
    training.second = training.project.run(*training.command)
    assert training.end(head) == 0, training.said()
    assert not lost.exists()


def test_a_killed_head_is_started_again_and_waits_for_its_job(runs, reference):
    training = runs["head_killed"].result()
    training.is_as(reference)
    assert training.jobs() == ["COMPLETED"]
    assert training.epochs_taken_over() == 0
    assert training.second.returncode != 0
    assert f"Another run is at work in {training.folder}" in training.second.stdout + training.second.stderr
    # What was finished without a head is known to Snakemake: a change of its code or parameters makes it stale.
    training.project.edit("workflow/ood/train/fitting.py", '"""Fit a', '"""Fits a')
    assert training.project.planned()["train"] == 1


@fault
def node_drained(training):
    head = training.start()
    training.reach(1, head)
    _, node = training.running()
    slurm("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
    assert training.end(head) == 0, training.said()
    training.drained = slurm("sinfo", "-h", "-p", "gpu", "-n", node, "-o", "%T").strip()
    slurm("scontrol", "update", f"NodeName={node}", "State=RESUME")


def test_a_drained_node_lets_its_job_end(runs, reference):
    training = runs["node_drained"].result()
    training.is_as(reference)
    assert training.jobs() == ["COMPLETED"]
    assert training.drained in ("drained", "draining")


def lose(job: str, node: str) -> None:
    """End at once what runs on a node: first its daemon, so that nothing is reported, then the job."""
    found = list(psutil.process_iter(["cmdline", "environ"]))
    (daemon,) = [process for process in found if process.info["cmdline"] == ["slurmd", "-N", node]]
    daemon.kill()
    for process in found:
        step = f"slurmstepd: [{job}." in " ".join(process.info["cmdline"] or [])
        if step or (process.info["environ"] or {}).get("SLURM_JOB_ID") == job:
            with suppress(psutil.NoSuchProcess):  # it went with another
                process.kill()


@fault
def node_lost(training):
    """On nodes of its own, so that nobody else's job goes with them."""
    training.project.edit("slurm/config.yaml", "slurm_partition: gpu", "slurm_partition: spare")
    head = training.start()
    training.reach(3, head)
    lose(*training.running())
    assert training.end(head) == 0, training.said()
    cluster_up()


def test_a_job_whose_node_is_lost_goes_on_elsewhere(runs, reference):
    training = runs["node_lost"].result()
    training.is_as(reference)
    assert training.jobs() == ["NODE_FAIL", "COMPLETED"]
    assert 2 <= training.epochs_taken_over() == training.first_epoch() - 1


def test_slurmctld_restarted(runs, training, reference):
    head = training.start()
    training.reach(2, head)
    slurm("scontrol", "shutdown", "slurmctld")
    until(lambda: "DOWN" in subprocess.run(["scontrol", "ping"], capture_output=True, text=True).stdout, "its end")
    time.sleep(10)  # longer than the time between two queries
    cluster_up()
    assert training.end(head) == 0, training.said()
    training.is_as(reference)
    assert training.jobs() == ["COMPLETED"]
