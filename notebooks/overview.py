# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Overview
# What the papers claim and what of it holds, what the benchmarks are made of, how well the networks do their own task,
# and how every method does.

# %% tags=["parameters"]
settings = {}

# %%
from ood.artifacts import claims, overview
from ood.artifacts.evidence import Evidence
from ood.artifacts.render import save

evidence = Evidence(**settings)

# %% [markdown]
# ## What the papers claim
# Counts of verdicts: holds / fails / within noise / not run. The claims themselves are in `CLAIMS.html`.

# %%
claims.save(evidence)

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
# ## Every method

# %%
for benchmark in evidence.benchmarks:
    display(save(evidence, overview.headline(evidence, benchmark)))
