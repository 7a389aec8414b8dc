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
from ood.artifacts import igoe, igoe_figures, igoe_gradients
from ood.artifacts.evidence import Evidence
from ood.artifacts.render import save

evidence = Evidence(**settings)

# %% [markdown]
# ## Figure 1: output terms on the simplex

# %%
igoe_figures.simplex(evidence)

# %% [markdown]
# ## Table 1 and Appendix A: gradient scores

# %%
display(save(evidence, igoe_gradients.gradient_scores(evidence)))
for benchmark in evidence.shown("IGOE-A1"):
    display(save(evidence, igoe_gradients.gradient_scores_by_set(evidence, benchmark)))

# %% [markdown]
# ## Table 2: output terms, products, gradients

# %%
for benchmark in evidence.shown("IGOE-T2"):
    display(save(evidence, igoe.products(evidence, benchmark)))

# %% [markdown]
# ## Table 3 and Appendix A: BatchGrad

# %%
display(save(evidence, igoe_gradients.batchgrad(evidence)))
for benchmark in evidence.shown("IGOE-A2"):
    display(save(evidence, igoe_gradients.batchgrad_by_set(evidence, benchmark)))

# %% [markdown]
# ## Figure 2: feature norm against output term

# %%
for benchmark in evidence.shown("IGOE-F2"):
    display(igoe_figures.heat_map(evidence, benchmark))

# %% [markdown]
# ## Appendix C: the same by OOD set

# %%
for benchmark in evidence.shown("IGOE-C"):
    display(igoe_figures.heat_maps(evidence, benchmark))

# %% [markdown]
# ## Feature norm and energy, image by image

# %%
for benchmark in evidence.shown("IGOE-UV"):
    display(igoe_figures.parts(evidence, benchmark))
