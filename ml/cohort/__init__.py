"""Labelled people: feature tables and manifests of clips, read and checked one way everywhere."""
