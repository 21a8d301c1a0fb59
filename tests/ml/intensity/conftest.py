"""A CLIP small enough to train in a test."""

from tests.ml.tiny_clip import saved_tiny, tiny_config, tiny_weights

__all__ = ["saved_tiny", "tiny_config", "tiny_weights"]
