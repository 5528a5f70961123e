"""A build's stages: what each reads, the key that follows from it, and the results that are kept.

Imports no torch: an unchanged build is known to be one without.
"""
