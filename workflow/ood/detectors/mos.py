"""MOS: the least probability of "others" over groups of classes, with a head trained for it.

Huang and Li, "MOS: Towards Scaling Out-of-distribution Detection for Large Semantic Space" (CVPR 2021). The classes are
parted into groups; each group has its own softmax, with one more output, "others", for the classes outside it. Score:
- min_g p_g(others). Consumes features and the labelled training split: the released code (deeplearning-wisc/
large_scale_ood) freezes the backbone too, so the head is a function of features.

The head's loss is a sum over groups that share no weights, so each group is one multinomial regression. Here it is
solved (L-BFGS, on standardised features) with an L2 penalty, without which separable classes have no optimum; the code
instead runs 20,000 steps of SGD with mixup and random crops, which cached features cannot repeat. The groups: the
paper's taxonomy is ImageNet's. ``clusters`` (default) is its grouping without a taxonomy, K-means of the classes' mean
features; ``random`` parts the classes at random, its control. 3 groups are for ten classes; the paper has 8 for 1,000.
"""

from typing import Any

import numpy as np
from pydantic import Field

from ood.detectors import Detector, Features, Labelled
from ood.errors import Problem

OTHERS = -1  # sorts before every class, so that it is the first output


class Method(Detector):
    needs_train = True
    default = "clusters"

    groups: int = Field(3, gt=1)
    penalty: float = Field(1.0, gt=0, allow_inf_nan=False)
    seed: int = Field(0, ge=0)

    def fit(self, train: Labelled, test: Labelled) -> dict[str, list[Any]]:
        """One regression per group, by grouping. Raises Problem for fewer classes than groups."""
        classes = np.unique(train.labels)
        if len(classes) < self.groups:
            raise Problem(f"detectors.mos.groups in config.yaml: {self.groups} groups of {len(classes)} classes.")
        groupings = {"clusters": self._clusters(train, classes), "random": self._random(len(classes))}
        return {
            name: [self._regression(train, classes[place == group]) for group in range(self.groups)]
            for name, place in groupings.items()
        }

    def _clusters(self, train: Labelled, classes: np.ndarray) -> np.ndarray:
        """The group of each class: K-means of mean features."""
        from sklearn.cluster import KMeans  # here, so that reading the configuration does not load it

        means = np.stack([train.features.h[train.labels == c].mean(axis=0) for c in classes])
        return KMeans(self.groups, n_init=10, random_state=self.seed).fit_predict(means)

    def _random(self, classes: int) -> np.ndarray:
        """The group of each class, drawn, of sizes that differ by at most one."""
        place = np.empty(classes, dtype=int)
        place[np.random.default_rng(self.seed).permutation(classes)] = np.arange(classes) % self.groups
        return place

    def _regression(self, train: Labelled, members: np.ndarray) -> Any:
        """The head of one group: its classes against each other and against all others."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        labels = np.where(np.isin(train.labels, members), train.labels, OTHERS)
        head = LogisticRegression(C=1 / self.penalty, max_iter=1000)
        return make_pipeline(StandardScaler(), head).fit(train.features.h, labels)

    def score(self, images: Features, fitted: dict[str, list[Any]]) -> dict[str, np.ndarray]:
        return {
            name: -np.min([head.predict_proba(images.h)[:, 0] for head in heads], axis=0)
            for name, heads in fitted.items()
        }
