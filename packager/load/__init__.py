"""Many requests at once to a running Triton, answered, counted and timed."""
