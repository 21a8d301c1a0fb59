"""Training of the CLIP intensity source."""
