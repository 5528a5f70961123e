"""Triton backends that the pip-installed server lacks, written as Python-based backends."""
