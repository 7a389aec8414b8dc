# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Overview
# How every method does on every benchmark, what the papers claim and what of it holds, where paper, code and print
# disagree, what the benchmarks are made of, how well the networks do their own task, what the methods are, and how each
# does by OOD set.

# %% tags=["parameters"]
settings = {}

# %%
from ood.artifacts import (
    across,
    agreement,
    average_ranks,
    claims,
    distributions,
    findings_table,
    methods_table,
    overview,
    roc,
    runs_table,
)
from ood.artifacts.evidence import Evidence
from ood.artifacts.render import save

evidence = Evidence(**settings)

# %% [markdown]
# ## Every method on every benchmark

# %%
save(evidence, across.across(evidence))

# %% [markdown]
# ## What the papers claim
# Counts of verdicts: holds / fails / within noise / not run. The claims themselves are in `CLAIMS.html`.

# %%
claims.save(evidence)

# %% [markdown]
# ## Findings
# Where paper, released code and print disagree, and what each way gives here.

# %%
findings_table.save(evidence)

# %% [markdown]
# ## What was run, and on what

# %%
runs_table.save(evidence)

# %% [markdown]
# ## The images

# %%
for benchmark in evidence.benchmarks:
    display(overview.contact_sheet(evidence, benchmark))

# %% [markdown]
# ## The networks

# %%
save(evidence, overview.accuracy(evidence))

# %%
overview.training_curves(evidence)

# %% [markdown]
# ## The methods
# What each is, and its settings.

# %%
methods_table.save(evidence)

# %% [markdown]
# ## Every method by OOD set

# %%
for benchmark in evidence.benchmarks:
    display(save(evidence, overview.headline(evidence, benchmark)))

# %% [markdown]
# ## ROC curves

# %%
for benchmark in evidence.benchmarks:
    display(roc.roc(evidence, benchmark))

# %% [markdown]
# ## Scores by method and OOD set

# %%
for benchmark in evidence.benchmarks:
    display(distributions.scores(evidence, benchmark))

# %% [markdown]
# ## Average ranks

# %%
for benchmark in evidence.shown("RANKS"):
    display(average_ranks.ranks(evidence, benchmark))

# %% [markdown]
# ## Printed and reproduced numbers
# Of the benchmarks that reproduce one of the papers' own.

# %%
for benchmark in evidence.shown("AGREEMENT"):
    display(agreement.agreement(evidence, benchmark))
