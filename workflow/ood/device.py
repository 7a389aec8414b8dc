"""Where the arithmetic happens, and how to make it repeatable."""

import os

import torch

from ood.progress import log


def deterministic(seed: int = 0) -> torch.device:
    """Seed torch, forbid nondeterministic kernels, float32 without TF32, one CPU thread; returns the device.

    One thread because the order of a sum over threads, and so its last bits, would depend on the number of cores.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats itself only with a fixed workspace
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.set_deterministic_debug_mode("error")  # as use_deterministic_algorithms, without its two seconds of imports
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    log.info("device %s, torch %s", torch.cuda.get_device_name() if device.type == "cuda" else "CPU", torch.__version__)
    return device
