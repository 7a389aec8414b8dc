"""A real SLURM cluster on this machine, and a small benchmark that was run on it."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from project import Project
from training import CLUSTER, EPOCHS, cluster_up


def tiny(config: dict) -> None:
    """One seed, one OOD set, and a detector of each kind: of features, of attributions, with a network."""
    benchmark = config["benchmarks"]["digits"]
    benchmark |= {"ood": ["letters"], "seeds": [0], "detectors": ["msp", "gaia_z", "odin"]}
    benchmark["network"]["width"] = 4
    config["benchmarks"], config["editions"], config["default"] = {"digits": benchmark}, {"demo": ["digits"]}, ["demo"]
    config["on_request"] = []
    config["detectors"] = {name: config["detectors"][name] for name in benchmark["detectors"]}
    config["recipes"]["digits"] |= {"epochs": EPOCHS, "warmup_epochs": 0, "accuracy": [0.05, 1.0]}
    config["bootstrap"]["draws"] = 20


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("no SLURM: to install and start one, this must be root on a Debian or Ubuntu machine")
    try:
        cluster_up()
        yield
    finally:
        subprocess.run([CLUSTER, "down"], check=True)


@pytest.fixture(scope="session")
def projects(cluster, tmp_path_factory) -> dict[str, Project]:
    """The benchmark with all that hangs on it, run at the same time here and on the cluster."""
    os.environ["OOD_CPU_IS_FINE"] = "1"  # the cluster's GPUs are stand-ins
    commands = {"local": ["snakemake", "--cores", "1"], "slurm": ["snakemake", "--profile", "slurm"]}
    made, heads = {}, {}
    for name, command in commands.items():
        made[name] = Project.copy(tmp_path_factory.mktemp(name))
        made[name].configure(tiny)
        made[name].edit("slurm/config.yaml", "before-status-checks: 20", "before-status-checks: 6")
        with (made[name].folder / "head.log").open("w") as log:
            heads[name] = subprocess.Popen(
                command, cwd=made[name].folder, env=made[name].environment(), stdout=log, stderr=log
            )
    for name, head in heads.items():
        assert head.wait(timeout=600) == 0, (made[name].folder / "head.log").read_text()
    return made


@pytest.fixture(scope="session")
def reference(projects) -> dict[str, str]:
    return projects["local"].digests()
