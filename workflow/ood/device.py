"""Where the arithmetic happens, and how to make it repeatable."""

import fcntl
import os
import platform
import re
from functools import cache
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from ood import memory
from ood.errors import Problem
from ood.ledger import cpu_model
from ood.progress import log

DRIVER = Path("/proc/driver/nvidia/version")
CLAIMS = Path("results/.gpus")
# What a scheduler sets in the jobs to which it gives a GPU.
PROMISES = ("CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS")
LIBRARIES = ("OMP", "OPENBLAS", "MKL")  # as the variables begin that tell them how many threads to use
_claimed = []  # open files, whose locks last as long as this process


def name(device: torch.device) -> str:
    """The GPU's name, or the processor's with the instructions that torch uses of it, on which last bits depend."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{cpu_model()} ({torch.backends.cpu.get_cpu_capability()})"


def driver() -> str:
    """The version of NVIDIA's driver, or ``none``."""
    found = re.search(r"Module.*?\s(\d+\.[\d.]+)\s", DRIVER.read_text()) if DRIVER.is_file() else None
    return found[1] if found else "none"


def promised() -> str | None:
    """The variable by which a scheduler, or the user, says that this process has a GPU; None if nothing says so."""
    return next((name for name in PROMISES if os.environ.get(name, "") not in ("", "-1", "NoDevFiles")), None)


@cache
def claim(names: tuple[str, ...]) -> int:
    """The place of the first GPU that no other job of this folder has claimed, for as long as this process lives.

    With all of them taken it is the first: whoever starts more jobs than there are GPUs wants them to be shared. Asked
    again, it is the same: a lock keeps out the process that holds it too.
    """
    CLAIMS.mkdir(parents=True, exist_ok=True)
    for place, name in enumerate(names):
        file = (CLAIMS / name).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
        else:
            _claimed.append(file)
            return place
    return 0


def _found() -> torch.device:
    """The GPU if there is one, else the CPU; says which, on which node.

    Raises Problem when a GPU was promised and is not there, unless OOD_CPU_IS_FINE is set.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus > 1:
        torch.cuda.set_device(claim(tuple(str(torch.cuda.get_device_properties(place).uuid) for place in range(gpus))))
    device = torch.device("cuda" if gpus else "cpu")
    job = os.environ.get("SLURM_JOB_ID", "none")
    where = f"SLURM job {job}, node {os.environ.get('SLURMD_NODENAME', platform.node())}"
    log.info("device %s, driver %s, torch %s, %s", name(device), driver(), torch.__version__, where)
    if not gpus and promised() and not os.environ.get("OOD_CPU_IS_FINE"):
        raise Problem(
            f"This job was promised a GPU ({promised()} is {os.environ[promised()]}), and torch {torch.__version__} "
            f"sees none: driver {driver()}, {where}. Is the node's driver broken, or too old for this torch? Leave the "
            "node out (slurm/README.md), or set OOD_CPU_IS_FINE=1 to compute on the CPU."
        )
    return device


def deterministic(seed: int = 0, threads: int = 1) -> torch.device:
    """Seed torch, forbid nondeterministic kernels, float32 without TF32, so many CPU threads; returns the device.

    ``threads`` is fixed because the order of a sum over threads, and so its last bits, would else depend on the number
    of cores, or on that of a job's other processes, which Snakemake tells all libraries.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats itself only with a fixed workspace
    memory.keep()
    torch.manual_seed(seed)
    threadpool_limits(threads)  # NumPy's
    os.environ |= {f"{library}_NUM_THREADS": str(threads) for library in LIBRARIES}  # those that are loaded later
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # as use_deterministic_algorithms, without its two seconds of imports
    torch.utils.deterministic.fill_uninitialized_memory = (
        False  # a help to find reads of it, for a write of each tensor
    )
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return _found()


def precision(wanted: str, device: torch.device) -> str:
    """``bfloat16`` where it is wanted and the hardware multiplies in it, else ``float32``.

    A CPU without such instructions, and a GPU older than Ampere, emulate it, slower than float32.
    """
    if wanted != "bfloat16":
        return wanted
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has = torch.cpu.get_capabilities()
        able = has.get("avx512_bf16") or has.get("amx_bf16")
    return "bfloat16" if able else "float32"
