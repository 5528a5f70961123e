"""From a dataset's recipe to verified files, and from files to tensors."""
