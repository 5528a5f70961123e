"""A backend whose answers show which version gave them, with which config."""
