"""What a user's own module is made of: its source, what of theirs it imports, and libraries."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from packager.cache import sources

if TYPE_CHECKING:
    from packager.cache.fingerprints import Fingerprints
    from packager.spec.architecture import ModuleClassSpec

_PYTHON = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}

INSTALLED = {"site-packages", "dist-packages"}
"""Where installed packages lie, which do not change in place."""


def digests(spec: ModuleClassSpec, fingerprints: Fingerprints) -> dict[str, str]:
    """Return the digests of a module's files and of whatever of theirs it imports."""
    try:
        files = _files(spec, fingerprints)
    except ModuleNotFoundError:
        # Not there, which building it tells; or no source, and then nobody knows what changed.
        return {spec.module: f"no source, {os.urandom(8).hex()}"}
    found = {name: fingerprints.sha256(path) for name, path in files.items()}
    return {**found, **_package(spec, fingerprints)}


def libraries(spec: ModuleClassSpec, fingerprints: Fingerprints) -> set[str]:
    """Return the distributions that a module's files import from."""
    try:
        files = _files(spec, fingerprints)
    except ModuleNotFoundError:
        return set()
    imported = sources.foreign(files, fingerprints=fingerprints)
    return {found for top in imported for found in _distributions(top)}


def _files(spec: ModuleClassSpec, fingerprints: Fingerprints) -> dict[str, Path]:
    top = spec.module.partition(".")[0]
    search = [*(Path(entry or ".").absolute() for entry in sys.path), _place(top)]
    trusted = (name.partition(".")[0] for name in spec.trusted_packages)
    theirs = (name for folder in search if folder.is_dir() for name in _beside(folder))
    within = {top, *trusted, *theirs}
    return sources.closure([spec.module], search=search, within=within, fingerprints=fingerprints)


def _package(spec: ModuleClassSpec, fingerprints: Fingerprints) -> dict[str, str]:
    """Return the digests of all files of a module's package: it may read them, or import by name.

    An installed package is known by its version.
    """
    top = spec.module.partition(".")[0]
    package = _place(top) / top
    if not package.is_dir() or package.parent.name in INSTALLED:
        return {}
    return {
        f"{top}/{name}": digest
        for name, digest in fingerprints.files(package).items()
        if sources.BYTECODE not in Path(name).parts
    }


def _place(top: str) -> Path:
    """Return the folder that Python finds a top-level module in; an editable install tells its."""
    found = importlib.util.find_spec(top)
    if found is None:
        return Path.cwd()
    inside = [Path(place) for place in found.submodule_search_locations or ()]
    return (inside[0] if inside else Path(found.origin or "")).absolute().parent


def _beside(folder: Path) -> set[str]:
    """Return the modules in a folder: a user's own code, unless it is installed."""
    if folder.name in INSTALLED or any(map(folder.is_relative_to, _PYTHON)):
        return set()
    return {path.stem for path in folder.iterdir() if path.stem.isidentifier()}


@functools.cache
def _distributions(top: str) -> tuple[str, ...]:
    """Return the distributions of a top-level module, as a rule one of the same name."""
    try:
        return (importlib.metadata.distribution(top).name,)
    except importlib.metadata.PackageNotFoundError:
        return tuple(_all_distributions().get(top, ()))


@functools.cache
def _all_distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())
