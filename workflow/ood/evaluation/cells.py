"""All cells of a benchmark in one table: every detector's metrics, and the accuracy of its checkpoints."""

import json

import pandas as pd

from ood.evaluation import statistics
from ood.step import Input, Inputs, Output, Spec, run


def cells(metrics: Inputs, cards: Inputs, disjoint: Input, cells: Output, spec: Spec) -> None:
    """Stack the metrics files and add one row per split for the checkpoints' accuracy (detector ``network``).

    ``disjoint`` says that no image is on both sides. spec: benchmark, id (dataset) and seeds in the order of ``cards``.
    cells: parquet, the columns of ood.evaluation.evaluate but for its draws, and benchmark.
    """
    accuracy = [json.loads(card.read_text())["accuracy"] for card in cards]
    rows = []
    for split in accuracy[0]:
        values = [reached[split] for reached in accuracy]
        rows.append(
            {
                "detector": "network",
                "variant": split,
                "default": split == "test",
                "dataset": spec["id"],
                "metric": "accuracy",
                "seeds": spec["seeds"],
                "values": values,
                "mean": sum(values) / len(values),
                "std": statistics.sample_std(values),
            }
        )
    measured = [pd.read_parquet(path).drop(columns="draws") for path in metrics]
    frame = pd.concat([*measured, pd.DataFrame(rows)], ignore_index=True)
    frame.assign(benchmark=spec["benchmark"]).to_parquet(cells, index=False)


if __name__ == "__main__":
    run(cells)
