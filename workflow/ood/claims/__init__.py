"""What the papers print and claim, and what of it holds."""
