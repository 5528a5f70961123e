"""A function where a class is expected."""


def Module() -> None:  # noqa: N802
    """Not a class."""
