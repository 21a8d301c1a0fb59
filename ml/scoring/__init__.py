"""From measured clips to an assessment: norms, index, models, and the bundle that holds them."""
