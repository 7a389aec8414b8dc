"""The jobs of a run: what is there, what is left and why, what it costs."""
