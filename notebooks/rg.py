# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # RG
# "RG: Out-of-distribution Detection with Reactivate GradNorm".

# %% tags=["parameters"]
settings = {}

# %%
from ood.artifacts import rg
from ood.artifacts.evidence import Evidence
from ood.artifacts.render import save

evidence = Evidence(**settings)

# %% [markdown]
# ## Table 3: clip threshold

# %%
for benchmark in evidence.shown("RG-T3"):
    display(save(evidence, rg.clips(evidence, benchmark)))

# %% [markdown]
# ## Table 4: temperature

# %%
for benchmark in evidence.shown("RG-T4"):
    display(save(evidence, rg.temperatures(evidence, benchmark)))
