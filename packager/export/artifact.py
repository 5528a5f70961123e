"""The artifact's file name, known without importing torch."""

ARTIFACT_NAME = "model.pt"
"""What Triton's libtorch backend loads from a version directory unless told otherwise."""
