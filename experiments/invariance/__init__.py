"""One performance, filmed in every way that people's devices film: how far do its signals move?

``python -m experiments.invariance`` writes docs/invariance.md. Drawn faces: the figures verify
software and say nothing about people.
"""
