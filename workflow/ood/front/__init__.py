"""The front page of README.md: what of the papers holds, what fails and what was not run.

``make front`` writes it from the released runs (ood.audit.released), read out of their crates, from what the papers
print (paper/published) and from config.yaml. Nothing that it says is typed.
"""
