"""Results of stages on disk: whole or not there, within a size, for many processes at once.

A cache is a convenience. What is damaged in it is told, removed and made again; where it cannot be
written, it is told once and the build goes on without.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.cache.folder import OWNER, Folder, make_room, remove_folder, sweep
from packager.cache.locks import FAILURES, locked
from packager.cache.record import BrokenError, Result, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHUNK_BYTES = 1 << 20

logger = logging.getLogger(__name__)

Source = Path | bytes
"""A file to be stored, or its content."""


class LostError(Exception):
    """A file of a result is gone or was damaged; the result has to be made again."""


class Store:
    """The cache of results at `root`.

    Least recently used results go when it takes more than `max_bytes`, but none that this object
    has found or put. A `frozen` one is only read: nothing is written or removed anywhere.
    """

    def __init__(self, root: Path, *, max_bytes: int, frozen: bool = False) -> None:
        self._folder = Folder(root)
        self._max_bytes = max_bytes
        self._frozen = frozen
        self._in_use: set[Path] = set()
        self._told = False

    def reader(self) -> Store:
        """Return the same cache, only to be read: what is put there is kept nowhere."""
        return Store(self._folder.root, max_bytes=self._max_bytes, frozen=True)

    def find(self, stage: str, key: str) -> Result | None:
        """Return a result that is there with all its files; None where it has to be made.

        Of the files only the sizes are looked at here: `read` and `copy` verify the rest.
        """
        try:
            result = self._judged(stage, key)
        except BrokenError as error:
            result = self._judged_again(stage, key, error)
        if result is not None:
            self._use(self._folder.record(stage, key))
        return result

    def inputs_of(self, stage: str, key: str) -> Mapping[str, Any] | None:
        """Return what a stage read under a key, for telling what changed since."""
        try:
            record = self._folder.record(stage, key).read_bytes()
            return decode(record, stage=stage, key=key).inputs
        except (OSError, BrokenError):
            return None

    def read(self, result: Result, name: str) -> bytes:
        """Return the content of a result's file, verified.

        Raises:
            LostError: it is gone or damaged.
        """
        content = b"".join(self._chunks(result, name))
        if hashlib.sha256(content).hexdigest() != result.files[name]:
            raise self._lost(result, name)
        return content

    def copy(self, result: Result, name: str, target: Path) -> None:
        """Copy a result's file to a path, verified; nothing appears there otherwise.

        Raises:
            LostError: it is gone or damaged.
            OSError: the target cannot be written.
        """
        temporary = target.with_name(f".{target.name}.{_token()}")
        digest = hashlib.sha256()
        try:
            with temporary.open("xb") as stream:
                for chunk in self._chunks(result, name):
                    digest.update(chunk)
                    stream.write(chunk)
            if digest.hexdigest() != result.files[name]:
                raise self._lost(result, name)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def put(
        self,
        stage: str,
        key: str,
        *,
        inputs: Mapping[str, Any],
        value: Mapping[str, Any],
        files: Mapping[str, Source],
    ) -> Result:
        """Store a result, if that can be done, and return it.

        `files` are paths or contents by name. Where the cache cannot be written, the result's files
        are not there to be read: a caller goes on with its own.

        Raises:
            OSError: a file of `files` cannot be read.
        """
        digests = {name: _digest(source) for name, source in files.items()}
        record = encode(
            Result(
                stage=stage,
                key=key,
                inputs=inputs,
                value=value,
                files={name: sha256 for name, (sha256, _) in digests.items()},
                sizes={name: size for name, (_, size) in digests.items()},
            )
        )
        result = decode(record, stage=stage, key=key)  # as it will be found: lists for tuples
        if not self._frozen:
            try:
                self._add(result, record, files)
            except (OSError, NotImplementedError) as error:
                self._tell(error)
        return result

    @contextlib.contextmanager
    def producing(self, stage: str, key: str) -> Iterator[None]:
        """Keep others from making the same result; whoever waited finds it then.

        So look inside: `with store.producing(...): found = store.find(...)`.
        """
        with contextlib.ExitStack() as held:
            if not self._frozen:
                path = self._folder.producer(stage, key)
                try:
                    held.enter_context(locked(path, work=f"{stage} of the same inputs"))
                except FAILURES as error:
                    self._tell(error)
            yield

    def _judged(self, stage: str, key: str) -> Result | None:
        """Return a result whose record and sizes of files are right; None where there is none."""
        try:
            record = self._folder.record(stage, key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise BrokenError(f"its record cannot be read ({error.strerror})") from error
        result = decode(record, stage=stage, key=key)
        for name, sha256 in result.files.items():
            if _size(self._folder.blob(sha256)) != result.sizes[name]:
                raise BrokenError(f"its file {name} is missing or cut short")
        return result

    def _judged_again(self, stage: str, key: str, problem: BrokenError) -> Result | None:
        """Judge alone what looked broken: it may just have been removed or replaced."""
        if self._frozen:
            logger.warning("the cached result of %s is not used: %s", stage, problem)
            return None
        try:
            with locked(self._folder.lock):
                try:
                    return self._judged(stage, key)
                except BrokenError as error:
                    self._remove(stage, key, error)
        except FAILURES as error:
            self._tell(error)
        return None

    def _lost(self, result: Result, name: str) -> LostError:
        """Remove a result with a damaged file, and return what to raise."""
        damage = BrokenError(f"its file {name} is damaged")
        if not self._frozen:
            try:
                with locked(self._folder.lock):
                    blob = self._folder.blob(result.files[name])
                    if blob.exists() and _digest(blob)[0] != result.files[name]:
                        blob.unlink()
                        self._remove(result.stage, result.key, damage)
            except FAILURES as error:
                self._tell(error)
        return LostError(f"the cached result of {result.stage} is lost: {damage}")

    def _remove(self, stage: str, key: str, problem: BrokenError) -> None:
        logger.warning("the cached result of %s is removed and made again: %s", stage, problem)
        self._folder.record(stage, key).unlink(missing_ok=True)

    def _chunks(self, result: Result, name: str) -> Iterator[bytes]:
        try:
            with self._folder.blob(result.files[name]).open("rb") as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            told = error.strerror or error
            raise LostError(
                f"the cached result of {result.stage} is lost: {name}: {told}"
            ) from error

    def _add(self, result: Result, record: bytes, files: Mapping[str, Source]) -> None:
        """Copy everything beside the cache's own files, then rename it in under the lock."""
        temporary = self._folder.temporary / _token()
        temporary.mkdir(parents=True)
        try:
            with locked(temporary / OWNER):
                for name, source in files.items():
                    _write(temporary / result.files[name], source)
                self._commit(result, record, temporary)
        finally:
            remove_folder(temporary)

    def _commit(self, result: Result, record: bytes, temporary: Path) -> None:
        """Rename what was copied in, the record last, and make room for it."""
        target = self._folder.record(result.stage, result.key)
        (temporary / target.name).write_bytes(record)
        with locked(self._folder.lock):
            for sha256 in set(result.files.values()):
                _move(temporary / sha256, self._folder.blob(sha256))
            _move(temporary / target.name, target)
            self._in_use.add(target)
            make_room(self._folder, max_bytes=self._max_bytes, kept=self._in_use)
            sweep(self._folder)

    def _use(self, record: Path) -> None:
        """Keep a record, and let it be the last to go in other processes."""
        self._in_use.add(record)
        if not self._frozen:
            with contextlib.suppress(OSError):
                os.utime(record)

    def _tell(self, error: Exception) -> None:
        """Say once that the cache cannot be written."""
        if not self._told:
            self._told = True
            reason = getattr(error, "strerror", None) or error
            logger.warning(
                "results are not kept for the next build: the cache %s cannot be written: %s",
                self._folder.root,
                reason,
            )


def _digest(source: Source) -> tuple[str, int]:
    """Return sha256 and size in bytes."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest(), len(source)
    with source.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), stream.tell()


def _write(target: Path, source: Source) -> None:
    """Write what a source holds, which has to be what its digest in the target's name says."""
    digest = hashlib.sha256()
    with target.open("wb") as stream:
        for chunk in _contents(source):
            digest.update(chunk)
            stream.write(chunk)
    if digest.hexdigest() != target.name:
        raise OSError(f"{source!s} changed while it was stored")


def _contents(source: Source) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _token() -> str:
    return os.urandom(8).hex()
