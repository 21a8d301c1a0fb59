"""From a cohort to a bundle, by one recipe: a clinic's own, the one that ships, the results."""
