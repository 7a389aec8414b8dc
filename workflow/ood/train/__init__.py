"""Networks: trained by a recipe, or adopted from published weights."""
