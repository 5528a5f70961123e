"""Triton's `config.pbtxt`: rendered from a recipe, parsed by protobuf, compared with the recipe."""
