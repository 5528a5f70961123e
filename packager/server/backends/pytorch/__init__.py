"""Stands in for the libtorch backend; Triton's stub imports these files without `packager`."""
