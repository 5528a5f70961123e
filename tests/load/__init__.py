"""Right and malformed requests from many clients at once: for `bench/load.py` and a test."""
