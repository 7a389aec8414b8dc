"""What a job says of the device it runs on, when it refuses to run on another, and that jobs share no GPU."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ood import device
from ood.errors import Problem

WORKFLOW = Path(__file__).parents[2] / "workflow"
# As /proc/driver/nvidia/version has it: the driver built from NVIDIA's closed source, and from its open one.
VERSIONS = {
    "535.183.01": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n",
    "570.86.15": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (root@node)\n",
}


@pytest.fixture
def no_gpu(monkeypatch):
    """A machine whose torch sees no GPU, and an environment that says nothing."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for variable in (*device.PROMISES, "OOD_CPU_IS_FINE", "SLURM_JOB_ID", "SLURMD_NODENAME"):
        monkeypatch.delenv(variable, raising=False)
    return monkeypatch


@pytest.mark.parametrize("version", VERSIONS)
def test_the_driver_is_read_from_the_kernel_module(tmp_path, monkeypatch, version):
    (tmp_path / "version").write_text(VERSIONS[version] + "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n")
    monkeypatch.setattr(device, "DRIVER", tmp_path / "version")
    assert device.driver() == version
    monkeypatch.setattr(device, "DRIVER", tmp_path / "none")
    assert device.driver() == "none"


@pytest.mark.parametrize("variable", device.PROMISES)
def test_a_promised_gpu_that_is_not_there_stops_the_job(no_gpu, variable):
    no_gpu.setenv(variable, "0")
    with pytest.raises(Problem, match=rf"promised a GPU \({variable} is 0\), and torch .* sees none"):
        device._found()
    no_gpu.setenv("OOD_CPU_IS_FINE", "1")
    assert device._found().type == "cpu"


@pytest.mark.parametrize("value", ["", "-1", "NoDevFiles"])
def test_hidden_gpus_are_no_promise(no_gpu, value):
    no_gpu.setenv("CUDA_VISIBLE_DEVICES", value)
    assert device._found().type == "cpu"


def test_the_log_names_device_driver_torch_job_and_node(no_gpu, caplog):
    no_gpu.setenv("SLURM_JOB_ID", "4711")
    no_gpu.setenv("SLURMD_NODENAME", "gpu07")
    with caplog.at_level(logging.INFO, "ood"):
        device._found()
    where = f"driver {device.driver()}, torch {torch.__version__}, SLURM job 4711, node gpu07"
    assert caplog.messages == [f"device {device.name(torch.device('cpu'))}, {where}"]


def test_each_job_claims_a_gpu_of_its_own(tmp_path):
    """Three processes and two GPUs; the third shares, and when one has ended its GPU is free for new jobs."""
    program = "import sys; from ood.device import claim\nfor _ in sys.stdin: print(claim(('a', 'b')), flush=True)"

    def ask(running: subprocess.Popen) -> int:
        print(file=running.stdin, flush=True)
        return int(running.stdout.readline())

    def job() -> tuple[subprocess.Popen, int]:
        running = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={"PYTHONPATH": str(WORKFLOW)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return running, ask(running)

    jobs = [job() for _ in range(3)]
    assert [place for _, place in jobs] == [0, 1, 0]
    assert [ask(running) for running, _ in jobs] == [0, 1, 0]
    jobs[1][0].kill()
    jobs[1][0].wait()
    assert ask(jobs[0][0]) == ask(jobs[2][0]) == 0
    jobs.append(job())
    assert jobs[-1][1] == 1
    for running, _ in jobs:
        running.kill()
        running.wait()


def test_all_libraries_compute_with_one_thread_whatever_the_environment_says():
    """NumPy is loaded before, SciPy with its own linear algebra after."""
    program = "import json, torch; from ood.device import deterministic; from threadpoolctl import threadpool_info\n"
    program += "deterministic(); import scipy.linalg, sklearn.linear_model\n"
    program += "print(json.dumps([torch.get_num_threads(), *(each['num_threads'] for each in threadpool_info())]))"
    environment = {"PYTHONPATH": str(WORKFLOW), "OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    counts = json.loads(done.stdout)
    assert len(counts) >= 4 and set(counts) == {1}
