"""Severity by attention fusion over expressions, with adaptive class balancing (paper A)."""
