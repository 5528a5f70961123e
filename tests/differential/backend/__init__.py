"""A backend that takes every model: what refuses one is Triton itself."""
