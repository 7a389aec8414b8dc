"""Where the arithmetic happens, and how to make it repeatable."""

import ctypes
import os

import torch

from ood.progress import log


def name(device: torch.device) -> str:
    """The GPU's name, or ``CPU``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def keep_memory() -> None:
    """Have glibc keep freed memory for the next tensor; elsewhere nothing.

    It else hands every large block back to the system, so that each activation of each batch is paged in anew: a third
    of the attribution pass. The settings are M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of mallopt(3).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(-3, 2**30)
        mallopt(-1, 2**31 - 1)


def deterministic(seed: int = 0, threads: int = 1) -> torch.device:
    """Seed torch, forbid nondeterministic kernels, float32 without TF32, so many CPU threads; returns the device.

    ``threads`` is fixed because the order of a sum over threads, and so its last bits, would else depend on the number
    of cores.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats itself only with a fixed workspace
    keep_memory()
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # as use_deterministic_algorithms, without its two seconds of imports
    torch.utils.deterministic.fill_uninitialized_memory = (
        False  # a help to find reads of it, for a write of each tensor
    )
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    log.info("device %s, torch %s", name(device), torch.__version__)
    return device


def precision(wanted: str, device: torch.device) -> str:
    """``bfloat16`` where it is wanted and the hardware multiplies in it, else ``float32``.

    A CPU without such instructions emulates them, slower than float32.
    """
    if wanted == "bfloat16" and device.type == "cpu":
        has = torch.cpu.get_capabilities()
        return "bfloat16" if has.get("avx512_bf16") or has.get("amx_bf16") else "float32"
    return wanted
