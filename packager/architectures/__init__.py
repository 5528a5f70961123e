"""Modules: layer lists, torchvision's, the user's own; their weights and what they cost."""
