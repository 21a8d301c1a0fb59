"""From tokens to what a session says."""
