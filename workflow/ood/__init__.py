"""Gradient-based out-of-distribution detection on trial: the library behind the workflow.

Every module that ends with ``run(...)`` is one kind of job, a command ``python -m ood.<folder>.<step>`` (ood.step).
Images (data, datasets) and networks (train, networks) go through ``passes``, whose statistics ``detectors`` turn into
scores; ``evaluation`` makes numbers of them, ``claims`` verdicts, ``artifacts`` tables and figures, ``appendix`` what
people read. ``audit`` goes the way back; ``jobs`` asks Snakemake what is left.
"""
