"""Memory is kept as far as the C library lets a program ask for it."""

import ctypes
from types import SimpleNamespace

import pytest

from ood import memory

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1


@pytest.mark.parametrize("limit", [2**31 - 1, 2**25], ids=["today's glibc", "before 2.35"])
def test_the_largest_threshold_that_glibc_takes_is_set(monkeypatch, limit):
    taken = {}

    def mallopt(setting: int, value: int) -> int:
        if setting == MMAP_THRESHOLD and value > limit:
            return 0
        taken[setting] = value
        return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    memory.keep()
    assert taken == {MMAP_THRESHOLD: min(2**30, limit), TRIM_THRESHOLD: 2**31 - 1}


def test_elsewhere_nothing_is_asked_for(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    memory.keep()
