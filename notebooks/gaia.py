# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # GAIA
# Chen et al., "GAIA: Delving into Gradient-based Attribution Abnormality for Out-of-distribution Detection"
# (NeurIPS 2023): tables and figures of the supplement, then figures of the paper by their captions.

# %% tags=["parameters"]
settings = {}

# %%
from ood.artifacts import gaia, gaia_inside, gaia_layers, times
from ood.artifacts.evidence import Evidence
from ood.artifacts.render import save

evidence = Evidence(**settings)

# %% [markdown]
# ## Table 1: time per image

# %%
save(evidence, times.time_per_image(evidence))

# %%
for benchmark in evidence.shown("TIMES"):
    display(times.multiples(evidence, benchmark))

# %% [markdown]
# ## Table 2: five seeds

# %%
save(evidence, gaia.seed_stability(evidence))

# %% [markdown]
# ## Table 3: fusion strategies

# %%
for benchmark in evidence.shown("GAIA-S-T3"):
    display(save(evidence, gaia.fusion(evidence, benchmark)))

# %% [markdown]
# ## Figure 1: saliency maps by block

# %%
for benchmark in evidence.shown("GAIA-S-F1"):
    display(gaia_inside.saliency(evidence, benchmark))

# %% [markdown]
# ## Figure 2: distributions of scores

# %%
for benchmark in evidence.shown("GAIA-S-F2"):
    display(gaia.distributions(evidence, benchmark))

# %% [markdown]
# ## Figure 3: contribution of each layer

# %%
for benchmark in evidence.shown("GAIA-S-F3"):
    display(gaia_layers.layers(evidence, benchmark))

# %% [markdown]
# ## The paper's Figure 2: average gradients by channel

# %%
for benchmark in evidence.shown("GAIA-M-F2"):
    display(gaia_inside.average_gradients(evidence, benchmark))

# %% [markdown]
# ## The paper's Figure 3: non-zero gradients, as maps and by channel

# %%
for benchmark in evidence.shown("GAIA-M-F3b"):
    display(gaia_inside.gradient_maps(evidence, benchmark))
    display(gaia_inside.nonzero(evidence, benchmark))

# %% [markdown]
# ## The paper's Figure 4: ablation over blocks

# %%
for benchmark in evidence.shown("GAIA-M-F4"):
    display(gaia_inside.blocks(evidence, benchmark))
