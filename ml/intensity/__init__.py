"""Intensity curves: how strongly a face performs an expression, moment by moment.

Two sources meet the one interface in :mod:`ml.intensity.source`: the geometric one (landmark
signals, :mod:`ml.intensity.geometric`) and the CLIP one (frame embeddings,
:mod:`ml.intensity.clip_source`). Importing this package imports neither torch nor open_clip.
"""
