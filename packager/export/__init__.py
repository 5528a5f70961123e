"""From a trained module to the artifact that a Triton backend loads."""
