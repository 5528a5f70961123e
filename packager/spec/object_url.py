"""Where a repository lies in an object store: `s3://bucket/prefix`, `gs://...` or `az://...`."""

from __future__ import annotations

from dataclasses import dataclass

from packager.spec.validity import require

SCHEMES = ("s3", "gs", "az")
"""The object stores that a repository may lie in; each is an extra of ours by the same name."""

_KEY = "repository.path"


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectUrl:
    """A bucket and a prefix in it."""

    scheme: str
    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.root}"

    @property
    def root(self) -> str:
        """The repository's root, without the scheme."""
        return f"{self.bucket}/{self.prefix}"

    @property
    def staging(self) -> str:
        """The prefix beside the root: Triton takes everything beneath the root for a model."""
        parent, _, name = self.root.rpartition("/")
        return f"{parent}/.{name}.staging"


def parsed(text: str) -> ObjectUrl:
    """Return the URL's parts. What is refused is not repeated: it may hold a password.

    Raises:
        SpecError: it holds credentials, or is no bucket with a prefix.
    """
    scheme, _, rest = text.partition("://")
    require(
        scheme in SCHEMES,
        f"a repository cannot lie at {scheme}://",
        where=_KEY,
        remedy=f"use a directory, or one of {', '.join(f'{one}://' for one in SCHEMES)}",
    )
    require(
        not any(mark in rest for mark in "@?#"),
        "the URL holds more than a bucket and a prefix; credentials would end in logs",
        where=_KEY,
        remedy="give credentials by the environment, as the store's own tools take them",
    )
    bucket, _, prefix = rest.rstrip("/").partition("/")
    parts = (bucket, *prefix.split("/"))
    require(
        all(part.strip() and part.isprintable() and part not in {".", ".."} for part in parts),
        "expected a bucket and a prefix in it",
        where=_KEY,
        remedy=f"write {scheme}://<bucket>/<prefix>, without empty parts, . and ..",
    )
    return ObjectUrl(scheme=scheme, bucket=bucket, prefix=prefix)
