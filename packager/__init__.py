"""Turn one YAML recipe into a proven model on NVIDIA's Triton Inference Server."""

__version__ = "0.1.0"
