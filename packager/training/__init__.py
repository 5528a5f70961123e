"""From images and an architecture to a trained module."""
