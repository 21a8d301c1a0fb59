"""From a cohort to a bundle."""
