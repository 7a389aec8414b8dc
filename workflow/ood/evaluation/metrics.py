"""Every metric, under a name that says its convention.

In-distribution (ID) images are the positive class and a higher score means more ID. All metrics read the same two
cumulative counts over the distinct scores in falling order, ``tp`` (ID images at or above) and ``fp`` (OOD images at
or above), each (thresholds, ...), that of the empty set first. Further axes hold bootstrap draws, whose counts are
weights: all draws in one pass, which is why these are not scikit-learn's; the tests compare them with it. Thresholds
come first because then one of them is the same step for all draws, which lie side by side in memory.
"""

from typing import NamedTuple

import numpy as np


class Counts(NamedTuple):
    """Cumulative weights (K + 1, ...) of ID and OOD images at or above none and each of K distinct falling scores."""

    tp: np.ndarray
    fp: np.ndarray


class Ranking:
    """The joint order of ID and OOD scores, from which counts follow for any weights on the images."""

    def __init__(self, ids: np.ndarray, oods: np.ndarray):
        distinct, place = np.unique(-np.concatenate([ids, oods]), return_inverse=True)
        self.parts = [self._part(part, len(distinct)) for part in (place[: len(ids)], place[len(ids) :])]

    @staticmethod
    def _part(place: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The images in falling order of score, and how many of them lie at or above none and each distinct score."""
        order = np.argsort(place, kind="stable")
        return order, np.searchsorted(place[order], np.arange(-1, count), side="right")

    def counts(self, id_weights: np.ndarray, ood_weights: np.ndarray) -> Counts:
        """Counts (K + 1, ...) of weights (n_ID, ...) and (n_OOD, ...), of which draw b goes with draw b."""
        return Counts(*map(self._cumulative, self.parts, (id_weights, ood_weights)))

    @staticmethod
    def _cumulative(part: tuple[np.ndarray, np.ndarray], weights: np.ndarray) -> np.ndarray:
        order, ends = part
        sums = np.zeros((len(weights) + 1, *weights.shape[1:]))
        np.cumsum(weights[order], axis=0, out=sums[1:])
        return sums[ends]


def auroc(counts: Counts) -> np.ndarray:
    """P(s > t) + P(s = t)/2 for an ID score s and an OOD score t: the trapezoid area, as scikit-learn's."""
    tp, fp = counts
    area = (np.diff(fp, axis=0) * (tp[1:] + tp[:-1])).sum(axis=0) / 2
    return area / (tp[-1] * fp[-1])


def auroc_pairwise_flip(counts: Counts) -> np.ndarray:
    """max(AUROC, 1 - AUROC): the small-scale tables of Igoe et al. flip a score's sign for each ID-OOD pair."""
    value = auroc(counts)
    return np.maximum(value, 1 - value)


def _at(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, place[np.newaxis], axis=0)[0]


def fpr95(counts: Counts) -> np.ndarray:
    """Share of OOD with t >= tau, tau the largest score with P(s >= tau) >= 0.95. The project's own convention."""
    enough = counts.tp >= 0.95 * counts.tp[-1]  # 0.95 is rounded down, so a whole 0.95 n is never missed
    return _at(counts.fp, enough.argmax(axis=0)) / counts.fp[-1]


def fpr95_gaia(counts: Counts) -> np.ndarray:
    """Share of OOD with t > tau, tau the ID score at place round(0.05 n) in rising order (GAIA-OOD, ReAct, KNN)."""
    total = counts.tp[-1]
    place = (counts.tp >= total - np.round(0.05 * total)).argmax(axis=0)
    return _at(counts.fp, place - 1) / counts.fp[-1]


def fpr95_nearest(counts: Counts) -> np.ndarray:
    """Share of OOD with t >= tau, tau the score whose ID recall is nearest 0.95 (gradnorm_ood, RankFeat).

    As in that code the search runs from full recall downwards, so of scores with equal recall the lowest counts, but
    nothing below the lowest ID score is looked at.
    """
    recall = counts.tp / counts.tp[-1]
    distance = np.where(np.cumsum(recall >= 1, axis=0) > 1, np.inf, np.abs(recall - 0.95))
    place = len(distance) - 1 - distance[::-1].argmin(axis=0)
    return _at(counts.fp, place) / counts.fp[-1]


def fpr95_ood_positive(counts: Counts) -> np.ndarray:
    """Share of ID rejected when at least 95 % of OOD is (OpenOOD). Another quantity, never to be mixed in.

    OpenOOD reads it off a curve from which scikit-learn has dropped collinear points, so on small sets its value can
    be larger.
    """
    few = counts.fp <= 0.05 * counts.fp[-1]  # 0.05 is rounded up
    place = len(few) - 1 - few[::-1].argmax(axis=0)
    return 1 - _at(counts.tp, place) / counts.tp[-1]


def aupr_in(counts: Counts) -> np.ndarray:
    """Average precision with ID positive: the sum of precision times the step in recall, as scikit-learn's."""
    tp, fp = counts
    precision = tp[1:] / np.maximum(tp[1:] + fp[1:], np.finfo(float).tiny)
    return (np.diff(tp, axis=0) * precision).sum(axis=0) / tp[-1]


def aupr_out(counts: Counts) -> np.ndarray:
    """Average precision with OOD positive and the score's sign reversed."""
    tp, fp = counts
    return aupr_in(Counts(*((part[-1] - part)[::-1] for part in (fp, tp))))


METRICS = {
    "AUROC": auroc,
    "AUROC_pairwise_flip": auroc_pairwise_flip,
    "FPR95": fpr95,
    "FPR95_gaia": fpr95_gaia,
    "FPR95_nearest": fpr95_nearest,
    "FPR95_ood_positive": fpr95_ood_positive,
    "AUPR_in": aupr_in,
    "AUPR_out": aupr_out,
}
INTERVALS = ("AUROC", "FPR95")
