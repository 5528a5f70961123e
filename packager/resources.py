"""Where `conf/` and `templates/` lie: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from packager.errors import PackagerError

PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the absolute path of `conf` or `templates`."""
    for parent in (PACKAGE.parent, PACKAGE):
        found = parent / name
        if found.is_dir() and not (found / "__init__.py").exists():
            return found
    raise PackagerError(
        f"the installation lacks its folder '{name}'",
        where=str(PACKAGE),
        remedy="install packager again",
    )
