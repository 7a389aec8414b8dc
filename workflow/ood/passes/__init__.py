"""What running a network over images leaves: features, attributions, gradients; and what closed forms are made of."""
