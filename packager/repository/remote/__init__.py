"""A model repository in an object store, where nothing can be renamed: one PUT is the commit."""
