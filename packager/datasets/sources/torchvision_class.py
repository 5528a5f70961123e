"""A dataset class of torchvision: found by name, made from a folder, downloaded by itself."""

from __future__ import annotations

import contextlib
import difflib
import inspect
import io
import logging
import re
import socket
import sys
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from packager.datasets.sources.copies import SourceError
from packager.datasets.sources.download import TIMEOUT_S
from packager.errors import SpecError, UnavailableError
from packager.spec.validity import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.spec.dataset import SourceSpec

OURS = frozenset({"root", "train", "download", "transform", "target_transform", "transforms"})
"""Arguments that we give ourselves."""

TESTS = ("test", "val", "valid")
"""What a class with `split` may call its test set, the first that it knows."""

ADVICE = re.compile(r"\.? You can use download=True.*", re.DOTALL)
"""torchvision's advice to its callers, who are not our users."""

logger = logging.getLogger(__name__)


def require_class(source: SourceSpec) -> type:
    """Find the class that `origin` names: of torchvision.datasets, with `train` or `split`.

    Raises:
        SpecError: there is none, or its arguments are not the user's to give.
        UnavailableError: torchvision cannot be imported.
    """
    try:
        # Imported here: torch takes seconds to load, and most fetches end in the cache.
        datasets = import_module("torchvision.datasets")
    except ImportError as error:
        raise UnavailableError(
            f"torchvision cannot be imported: {error}",
            where="dataset.torchvision",
            remedy="install torchvision",
        ) from error
    usable = {
        name: found for name in datasets.__all__ if _is_usable(found := getattr(datasets, name))
    }
    if source.origin not in usable:
        lower = {name.lower(): name for name in usable}
        close = difflib.get_close_matches(source.origin.lower(), lower, n=3)
        near = [lower[name] for name in close] or ["CIFAR10", "EMNIST"]
        raise SpecError(
            f"torchvision.datasets has no class {source.origin} with root and train or split",
            where="dataset.torchvision",
            remedy=f"choose one as {', '.join(near)}; a folder of images is dataset=image_folder",
        )
    kind: type = usable[source.origin]
    taken = OURS | (set() if "train" in _parameters(kind) else {"split"})
    strays = sorted(taken & set(source.arguments))
    require(
        not strays,
        f"gives {', '.join(strays)}, which is set for each split here",
        where="dataset.arguments",
        remedy="leave it out",
    )
    return kind


def make(source: SourceSpec, root: Path) -> tuple[Any, Any]:
    """Make the training and the test set from what lies in a folder.

    Raises:
        SpecError: the class refuses its arguments.
        UnavailableError: the folder does not hold its data, or a package is missing.
    """
    try:
        return _both(require_class(source), source, root, download=False)
    except (RuntimeError, OSError) as error:
        raise UnavailableError(
            f"torchvision's {source.origin} finds no data there: {reason(error)}",
            where=str(root),
            remedy=f"put there what torchvision.datasets.{source.origin} would have downloaded",
        ) from error


def download(source: SourceSpec, root: Path, *, temporary: str) -> None:
    """Let the class download both splits, and give the folder its name when both are whole.

    torchvision checks the md5 of what it downloads, but not always of what it unpacks, so
    nothing that was cut short is ever found under that name.

    Raises:
        SourceError: the data cannot be had.
        SpecError: there is no such class, or it refuses its arguments.
    """
    kind = require_class(source)
    root.parent.mkdir(parents=True, exist_ok=True)
    work = Path(mkdtemp(prefix=temporary, dir=root.parent.parent))
    logger.info("torchvision downloads %s", source.origin)
    try:
        with _impatient(), _quiet():
            _both(kind, source, work, download=True)
    except (RuntimeError, OSError) as error:
        raise SourceError(f"torchvision cannot download it: {reason(error)}") from error
    work.chmod(0o755)
    work.replace(root)


def reason(error: Exception) -> str:
    """Tell torchvision's error in one line."""
    return " ".join(ADVICE.sub("", str(error)).split()).removesuffix(".") or type(error).__name__


def _both(kind: type, source: SourceSpec, root: Path, *, download: bool) -> tuple[Any, Any]:
    """Make both splits, by `train` or by `split`, with `download` only where the class knows it."""
    parameters = _parameters(kind)
    arguments: dict[str, Any] = {"root": str(root), **source.arguments}
    if "download" in parameters:
        arguments["download"] = download
    try:
        if "train" in parameters:
            return kind(train=True, **arguments), kind(train=False, **arguments)
        return kind(split="train", **arguments), _test(kind, arguments)
    except (ValueError, TypeError) as error:
        raise SpecError(
            f"torchvision's {source.origin} refuses them: {reason(error)}",
            where="dataset.arguments",
            remedy="give what the class's documentation asks for",
        ) from error
    except ImportError as error:
        raise UnavailableError(
            f"torchvision's {source.origin} needs a package that is not installed: {error}",
            where="dataset.torchvision",
            remedy=f"install it: pip install {error.name or 'it'}",
        ) from error


def _test(kind: type, arguments: dict[str, Any]) -> Any:
    for split in TESTS[:-1]:
        try:
            return kind(split=split, **arguments)
        except ValueError:  # it knows no split of that name
            continue
    return kind(split=TESTS[-1], **arguments)


def _is_usable(found: object) -> bool:
    if not inspect.isclass(found) or "root" not in (known := _parameters(found)):
        return False
    return "train" in known or "split" in known


def _parameters(kind: type) -> set[str]:
    """Return the names a constructor takes, those that it passes on to its bases included."""
    names: set[str] = set()
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters.values()  # type: ignore[misc]
        names |= {one.name for one in parameters}
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break
    return names


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """Give up on a server that is silent: torchvision itself sets no time-out."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep torchvision's progress bars out of logs; on a terminal they are welcome."""
    if sys.stderr.isatty():
        yield
        return
    with contextlib.redirect_stderr(io.StringIO()):
        yield
