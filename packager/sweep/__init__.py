"""Many jobs of one command: names that tell them apart, and their results in one table."""
