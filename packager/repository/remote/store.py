"""Objects by their paths `bucket/key`, through fsspec: what a repository needs of a store."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

BLOCK_BYTES = 2**22
_OPTIONS: Mapping[str, Mapping[str, object]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 5,
            "read_timeout": 20,
            "retries": {"max_attempts": 3, "mode": "standard"},
        }
    }
}


class Store:
    """An object store. Nothing is cached: others write at the same time."""

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme
        self._filesystem = _filesystem(scheme)

    def folders(self, path: str) -> tuple[str, ...]:
        """Return the names of the prefixes directly beneath a path, sorted."""
        return self._names(path, "directory")

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names of the objects directly beneath a path, sorted."""
        return self._names(path, "file")

    def _names(self, path: str, kind: str) -> tuple[str, ...]:
        try:
            entries = self._filesystem.ls(path, detail=True)
        except FileNotFoundError as error:
            if error.__cause__ is not None:  # what S3 says of a bucket; of a prefix it says nothing
                raise
            return ()
        names = (entry["name"].rstrip("/") for entry in entries if entry["type"] == kind)
        return tuple(sorted(name.rpartition("/")[2] for name in names if name != path))

    def sizes(self, path: str) -> dict[str, int]:
        """Return the sizes of all objects beneath a path, by their paths."""
        found: dict[str, dict[str, Any]] = self._filesystem.find(path, detail=True)
        return {
            name: int(entry["size"])
            for name, entry in sorted(found.items())
            if name.startswith(f"{path}/") and entry["type"] == "file"
        }

    def read(self, path: str) -> bytes | None:
        """Return an object's content, None where there is none."""
        try:
            return bytes(self._filesystem.cat_file(path))
        except (FileNotFoundError, IsADirectoryError):
            return None

    def json(self, path: str) -> dict[str, Any]:
        """Return an object's content as JSON; nothing where it has none."""
        try:
            found = json.loads(self.read(path) or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def sha256(self, path: str) -> str:
        """Return an object's sha256 in hexadecimal, read block by block."""
        digest = hashlib.sha256()
        with self._filesystem.open(path, "rb", block_size=BLOCK_BYTES) as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()

    def tag(self, path: str) -> str | None:
        """Return what changes with an object's content, None where there is no object."""
        try:
            return str(self._filesystem.info(path).get("ETag", ""))
        except FileNotFoundError:
            return None

    def modified(self, path: str) -> datetime | None:
        """Return when an object was written, by the store's clock; None where there is none."""
        try:
            found = self._filesystem.modified(path)
        except FileNotFoundError:
            return None
        return found if isinstance(found, datetime) else None

    def create(self, path: str, content: bytes) -> bool:
        """Write an object that must not be there; return whether it was written by this call.

        An attempt that succeeded without our hearing of it is found by its content, which must
        therefore be no one else's.
        """
        try:
            self._filesystem.pipe_file(path, content, mode="create")
        except FileExistsError:
            return self.read(path) == content
        return True

    def write(self, path: str, content: bytes) -> None:
        """Write an object, over an older one too."""
        self._filesystem.pipe_file(path, content)

    def replace(self, path: str, content: bytes, *, tag: str | None) -> None:
        """Write an object that has not changed since `tag`; None is "was not there".

        S3 itself refuses it otherwise. With other stores only the lease guards what is there.
        """
        if tag is None:
            self._filesystem.pipe_file(path, content, mode="create")
        elif self._scheme == "s3":
            self._filesystem.pipe_file(path, content, IfMatch=tag)
        else:
            self._filesystem.pipe_file(path, content)

    def upload(self, source: Path, path: str) -> None:
        """Write a file's content, large ones in parts."""
        self._filesystem.put_file(str(source), path)

    def download(self, path: str, target: Path) -> None:
        """Read an object's content into a file."""
        self._filesystem.get_file(path, str(target))

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the store."""
        self._filesystem.cp_file(source, target)

    def remove(self, paths: Iterable[str]) -> None:
        """Remove objects; those that are not there any more are passed over."""
        for path in paths:
            try:
                self._filesystem.rm_file(path)
            except FileNotFoundError:
                continue


def _filesystem(scheme: str) -> Any:
    import fsspec  # noqa: PLC0415  only who uses a store waits for it, and for what it imports

    options = _OPTIONS.get(scheme, {})
    found = fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False, **options)
    if scheme == "s3":
        found.retries = 2  # of what botocore has tried three times: 5 would take minutes
    return found
