"""Gradient-based out-of-distribution detection on trial: the library behind the workflow.

Every module that ends with ``run(...)`` is one kind of job, a command ``python -m ood.<step>`` (ood.step). Nothing
here imports snakemake.
"""
