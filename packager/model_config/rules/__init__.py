"""Triton's rules for a `config.pbtxt`, one module a subject; `check` runs them all."""
