"""Gradient-based out-of-distribution detection on trial: the library behind the workflow.

Every module ``ood.<step>`` with a ``@step`` function is one kind of job, run as ``python -m ood.<step>``. Nothing
here imports snakemake.
"""
