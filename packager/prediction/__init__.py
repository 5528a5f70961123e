"""Pictures to classify: where they come from, how a model wants them, what it answers."""
