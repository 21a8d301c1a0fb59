"""Figures on the public cohorts: every method under the same subject-wise splits."""
