# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How useful are gradients?
# Igoe et al., "How Useful are Gradients for OOD Detection Really?" (2022).

# %% tags=["parameters"]
settings = {}

# %%
from ood.artifacts import igoe
from ood.artifacts.evidence import Evidence
from ood.artifacts.render import save

evidence = Evidence(**settings)

# %% [markdown]
# ## Table 2: output terms, products, gradients

# %%
for benchmark in evidence.shown("IGOE-T2"):
    display(save(evidence, igoe.products(evidence, benchmark)))

# %% [markdown]
# ## Figure 2: feature norm against output term

# %%
for benchmark in evidence.shown("IGOE-F2"):
    display(igoe.heat_map(evidence, benchmark))
