"""No image may be in-distribution and out-of-distribution at once: exact duplicates, by digest of the stored pixels."""

import json

from ood.data.index import column
from ood.errors import Problem
from ood.step import Inputs, Output, Spec, run


def disjoint(indices: Inputs, counts: Output, spec: Spec) -> None:
    """Compare the in-distribution index (all its splits) with the index of every OOD set.

    spec: datasets in the order of ``indices``, the in-distribution one first. counts: JSON, for each OOD set the number
    of its images, of those that are there more than once, and of those that are in-distribution images, which is 0.
    Raises Problem naming the first image that is in both.
    """
    identity, *oods = spec["datasets"]
    known = dict(zip(column(indices[0], "sha256").tolist(), column(indices[0], "source").tolist(), strict=True))
    found = {}
    for name, index in zip(oods, indices[1:], strict=True):
        digests = column(index, "sha256").tolist()
        shared = [place for place, digest in enumerate(digests) if digest in known]
        if shared:
            source = column(index, "source")[shared[0]]
            raise Problem(
                f"{len(shared)} images of {name} are images of {identity} too, the first of them {source}, which is "
                f"{known[digests[shared[0]]]}. A score cannot be right on both sides: take {name} out of "
                f"benchmarks.{spec['benchmark']}.ood in config.yaml, or give it a row in "
                "workflow/resources/datasets.csv without these images."
            )
        found[name] = {"images": len(digests), "repeated": len(digests) - len(set(digests)), "in_distribution": 0}
    counts.write_text(json.dumps({"id": identity, "images": len(known), "ood": found}, indent=1) + "\n")


if __name__ == "__main__":
    run(disjoint)
