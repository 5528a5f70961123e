"""A Triton model repository on disk: layout, versions, staged publishing, manifest."""
