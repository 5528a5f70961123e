"""A running Triton: embedded, in Docker, or somebody else's, behind one Protocol."""
