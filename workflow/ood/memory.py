"""What becomes of memory that is freed."""

import ctypes


def keep() -> None:
    """Have glibc keep it for the next array; elsewhere nothing.

    It else hands every large block back to the system, so that each array of each batch, or of each variant's
    resamples, is paged in anew: a third of the attribution pass, and most of the time of metrics. The settings are
    M_MMAP_THRESHOLD, of which glibc before 2.35 takes 32 MiB at most, and M_TRIM_THRESHOLD of mallopt(3).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(-3, 2**30) or mallopt(-3, 2**25)
        mallopt(-1, 2**31 - 1)
