"""How long a part of each step takes, without making the host wait for a GPU."""

import time

import torch


class Stopwatch:
    """Sums the seconds spent inside ``with stopwatch:``; on a GPU those of its own stream of work, by events."""

    def __init__(self, device: torch.device):
        self.on_gpu = device.type == "cuda"
        self.moments: list = []

    def _now(self) -> "float | torch.cuda.Event":
        if not self.on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def __enter__(self) -> None:
        self.moments.append(self._now())

    def __exit__(self, *_) -> None:
        self.moments.append(self._now())

    def seconds(self) -> float:
        """What was summed up since the last call; on a GPU only once all of it is done (after a synchronisation)."""
        spans = list(zip(self.moments[::2], self.moments[1::2], strict=True))
        self.moments.clear()
        if self.on_gpu:
            return sum(start.elapsed_time(end) for start, end in spans) / 1000
        return sum(end - start for start, end in spans)
