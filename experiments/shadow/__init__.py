"""The bundle that every installation runs in the shadow: both papers, learnt from drawn people."""
