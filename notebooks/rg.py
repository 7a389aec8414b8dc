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
# ## Table 1: main results

# %%
for benchmark in evidence.shown("RG-T1"):
    display(save(evidence, rg.main_results(evidence, benchmark)))

# %% [markdown]
# ## Table 2: output and feature parts

# %%
for benchmark in evidence.shown("RG-T2"):
    display(save(evidence, rg.ablation(evidence, benchmark)))

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

# %% [markdown]
# ## Table 5: additive combination

# %%
for benchmark in evidence.shown("RG-T5"):
    display(save(evidence, rg.additive(evidence, benchmark)))

# %% [markdown]
# ## Table 6: DenseNet-121

# %%
for benchmark in evidence.shown("RG-T6"):
    display(save(evidence, rg.densenet(evidence, benchmark)))

# %% [markdown]
# ## Table 7: RG against KNN

# %%
for benchmark in evidence.shown("RG-T7"):
    display(save(evidence, rg.neighbours(evidence, benchmark)))
