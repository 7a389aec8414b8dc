"""Is a checkpoint's test accuracy in its band? Nothing hangs on one that is not."""

import json

from ood.errors import Problem
from ood.step import Input, Output, Spec, run


def accept(card: Input, accepted: Output, spec: Spec) -> None:
    """Write the accuracy of a checkpoint whose test accuracy lies in ``spec['band']`` (low, high), else Problem.

    ``spec['key']`` is where config.yaml says so.
    """
    reached, (low, high) = json.loads(card.read_text())["accuracy"]["test"], spec["band"]
    if not low <= reached <= high:
        raise Problem(
            f"{card}: test accuracy {reached:.2%} is outside the band {low:.2%} to {high:.2%} of "
            f"{spec['key']} in config.yaml. Change what it was made from, or the band if it is wrong; "
            "until then nothing is computed from this checkpoint."
        )
    accepted.write_text(json.dumps({"test_accuracy": reached}) + "\n")


if __name__ == "__main__":
    run(accept)
