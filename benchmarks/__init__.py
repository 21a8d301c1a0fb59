"""What `make bench` runs. Nothing imports this; no image has it."""
