"""What writes the pages of results. Nothing imports it, and no image has it."""
