"""Numbers: scores of images, metrics of scores, cells of tables."""
