"""Signatures of versions, by a key of one's own and offline: the model-signing library's format.

A signature answers for every file in a version's directory but itself. The manifest is one of them,
and holds the config and the labels. Importing the library takes most of a second.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from packager.errors import SpecError, UnavailableError
from packager.repository.layout import SIGNATURE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

PRIVATE = "repository.signing_key"
PUBLIC = "task.public_key"


def require(key: Path) -> None:
    """Check that versions can be signed with a private key: to be found before the long work.

    Raises:
        SpecError: the file is missing, or is no such key.
        UnavailableError: the library is missing.
    """
    _signer(key)


def require_public(key: Path) -> None:
    """Check that signatures can be verified with a public key.

    Raises:
        SpecError, UnavailableError: as `require`.
    """
    _verifier(key)


def sign(version_directory: Path, key: Path) -> None:
    """Write `model.sig` for the files that a version's directory holds now; an older one goes.

    Raises:
        SpecError, UnavailableError: as `require`.
    """
    path = version_directory / SIGNATURE_FILE
    written = path.with_name(f"{path.name}.new")
    _signer(key).set_hashing_config(_hashing(version_directory)).sign(version_directory, written)
    written.replace(path)


def verify(version_directory: Path, public_key: Path) -> str | None:
    """Return what is wrong with a version's signature; None where it holds.

    Raises:
        SpecError, UnavailableError: as `require`.
    """
    verifier = _verifier(public_key)
    path = version_directory / SIGNATURE_FILE
    if not path.is_file():
        return "is missing: the version is not signed"
    try:
        verifier.set_hashing_config(_hashing(version_directory)).verify(version_directory, path)
    except Exception as error:  # noqa: BLE001  a forged bundle breaks its parsers in many ways
        return _told(error)
    return None


def _told(error: Exception) -> str:
    """Return why a signature does not hold, from what the library raised."""
    problem = str(error)
    if problem.startswith("Key mismatch"):
        return "is by another key"
    if problem.startswith("Signature mismatch"):
        return "does not hold: files were changed, added or removed since"
    if "symlink" in problem:
        return "does not hold: there is a link among the files"
    return "is no signature, or was changed"


def _hashing(version_directory: Path) -> Any:
    """Return how files are digested: all of them, those of git too, but for the signature."""
    return (
        _library()
        .hashing.Config()
        .set_ignored_paths(paths=[version_directory / SIGNATURE_FILE], ignore_git_paths=False)
    )


def _signer(key: Path) -> Any:
    config = _library().signing.Config()
    with _key_errors(key, where=PRIVATE, kind="private"):
        return config.use_elliptic_key_signer(private_key=key)


def _verifier(key: Path) -> Any:
    config = _library(where=PUBLIC).verifying.Config()
    with _key_errors(key, where=PUBLIC, kind="public"):
        return config.use_elliptic_key_verifier(public_key=key)


@contextlib.contextmanager
def _key_errors(key: Path, *, where: str, kind: str) -> Iterator[None]:
    """Tell of a key that cannot be used; nothing of what the file holds."""
    make = "openssl ecparam -name prime256v1 -genkey -noout -out key.pem"
    if kind == "public":
        make = "openssl ec -in key.pem -pubout -out key.pub"
    try:
        yield
    except OSError as error:
        raise SpecError(
            f"{key}: {error.strerror}", where=where, remedy=f"name a file; one is made by: {make}"
        ) from None
    except (ValueError, TypeError, AttributeError) as error:
        is_encrypted = "encrypted" in str(error)
        raise SpecError(
            f"{key} is encrypted, and nobody is there to be asked for its password"
            if is_encrypted
            else f"{key} is no {kind} key of curve P-256, P-384 or P-521 in PEM",
            where=where,
            remedy=f"use one without a password, as made by: {make}",
        ) from None


def _library(*, where: str = PRIVATE) -> ModuleType:
    try:
        import model_signing  # noqa: PLC0415  nobody waits for it who signs nothing
    except ImportError as error:
        raise UnavailableError(
            f"signatures need a library that is not installed: {error.name}",
            where=where,
            remedy="pip install 'packager[signing]'",
        ) from error
    return model_signing
