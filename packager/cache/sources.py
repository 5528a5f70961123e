"""Which source files a stage's result depends on: what its modules import, found without importing.

Digests are of bytes, so a comment counts as a change: rather one stage too many than an old result.
Imports by name (`importlib.import_module`) are not seen.
"""

from __future__ import annotations

import ast
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packager.cache.fingerprints import Fingerprints

DIGITS = 16
"""Of a sha256 in hexadecimal: enough to tell versions of a file apart."""

BYTECODE = "__pycache__"


def files_of(
    roots: Sequence[str],
    *,
    fingerprints: Fingerprints,
    package: str = "packager",
    extra: Mapping[str, Path] | None = None,
) -> Mapping[str, str]:
    """Return the digests of modules and all of the same package that they import, by path.

    Paths are relative to the package's parent. `extra` adds files and folders that are no modules,
    under names of their own.

    Raises:
        ModuleNotFoundError: there is no such module.
        OSError: a file cannot be read.
    """
    parent = Path(__file__).parents[2]
    found = closure(roots, search=[parent], within=[package], fingerprints=fingerprints)
    for name, path in (extra or {}).items():
        found |= _extra(name, path)
    return {name: fingerprints.sha256(path)[:DIGITS] for name, path in sorted(found.items())}


def closure(
    modules: Iterable[str],
    *,
    search: Sequence[Path],
    within: Iterable[str],
    fingerprints: Fingerprints,
) -> dict[str, Path]:
    """Return the files of modules and of what they import, by path relative to where it was found.

    Files are looked for in the folders of `search` in turn, and only those of the top-level
    packages or modules named in `within`. `__init__.py` of each package on the way belongs to them.

    Raises:
        ModuleNotFoundError: one of `modules` is not there.
        OSError: a file cannot be read.
    """
    finder = _Finder(search, within)
    parser = fingerprints.sha256(Path(__file__))[:DIGITS]
    found: dict[str, Path] = {}
    waiting = []
    for module in modules:
        waiting += finder.required(module)
    while waiting:
        name, folder, file = waiting.pop()
        path = folder / file
        if found.setdefault(file, path) is not path:
            continue
        for imported in fingerprints.parsed(path, imports, by=parser):
            waiting += finder.modules(_absolute(imported, name, file.endswith("__init__.py")))
    return found


def foreign(files: Mapping[str, Path], *, fingerprints: Fingerprints) -> set[str]:
    """Return the top-level modules that the files of a closure import, theirs and Python's aside.

    Raises:
        OSError: a file cannot be read.
    """
    parser = fingerprints.sha256(Path(__file__))[:DIGITS]
    found = {
        imported.partition(":")[0].partition(".")[0]
        for path in files.values()
        for imported in fingerprints.parsed(path, imports, by=parser)
    }
    own = {name.partition("/")[0].removesuffix(".py") for name in files}
    return found - own - sys.stdlib_module_names - {""}


def imports(source: bytes) -> list[str]:
    """Return what a source imports, functions included: `a.b`, and `a:b` for `from a import b`.

    Relative ones keep their dots. What only type checkers see does not count. A source that cannot
    be parsed imports nothing.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return sorted(set(_imports(tree)))


class _Finder:
    """Files of modules, by what folders list: one look at each folder, not at every name."""

    def __init__(self, search: Sequence[Path], within: Iterable[str]) -> None:
        self._listed: dict[str, frozenset[str]] = {}
        self._tops = {
            top: folder
            for top in within
            for folder in reversed(search)
            if {top, f"{top}.py"} & self._names(str(folder))
        }

    def required(self, module: str) -> list[Found]:
        """Return a module and the packages that it lies in."""
        found = self.modules(module)
        if not found or found[-1][0] != module:
            raise ModuleNotFoundError(f"no module {module!r} to be found", name=module)
        return found

    def modules(self, imported: str) -> list[Found]:
        """Return the modules that an import loads, those that are ours: packages first."""
        dotted, _, name = imported.partition(":")
        if dotted.partition(".")[0] not in self._tops:
            return []
        parts = dotted.split(".")
        chain = [".".join(parts[: count + 1]) for count in range(len(parts))]
        chain += self._submodules(dotted) if name == "*" else [f"{dotted}.{name}"] if name else []
        return [found for module in chain if (found := self._module(module))]

    def _module(self, module: str) -> Found | None:
        folder = self._tops[module.partition(".")[0]]
        path = module.replace(".", "/")
        parent, _, last = path.rpartition("/")
        names = self._names(f"{folder}/{parent}")
        if last in names and "__init__.py" in self._names(f"{folder}/{path}"):
            return module, folder, f"{path}/__init__.py"
        return (module, folder, f"{path}.py") if f"{last}.py" in names else None

    def _submodules(self, package: str) -> list[str]:
        """Return whatever `from package import *` may load: `__all__` is not looked at."""
        folder = self._tops[package.partition(".")[0]]
        names = self._names(f"{folder}/{package.replace('.', '/')}")
        return [f"{package}.{name.removesuffix('.py')}" for name in sorted(names)]

    def _names(self, folder: str) -> frozenset[str]:
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(os.listdir(folder))  # noqa: PTH208  only names
            except OSError:
                self._listed[folder] = frozenset()
        return self._listed[folder]


Found = tuple[str, Path, str]
"""A module, the folder that its top-level package was found in, and its file there."""


def _imports(node: ast.AST) -> Iterator[str]:
    """Yield the imports in and beneath a node."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        origin = "." * node.level + (node.module or "")
        yield from (f"{origin}:{alias.name}" for alias in node.names)
    below: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and _is_type_checking(node.test):
        below = node.orelse
    for child in below:
        yield from _imports(child)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return bool(name == "TYPE_CHECKING")


def _absolute(imported: str, module: str, is_package: bool) -> str:
    """Return a relative import, as a module writes it, without its dots."""
    rest = imported.lstrip(".")
    level = len(imported) - len(rest)
    if level == 0:
        return imported
    parts = module.split(".")
    base = ".".join(parts[: len(parts) - level + is_package])
    return base + rest if rest.startswith(":") else f"{base}.{rest}"


def _extra(name: str, path: Path) -> dict[str, Path]:
    """Return a file, or the files in a folder, under a name; never the bytecode of Python's."""
    if not path.is_dir():
        return {name: path}
    return {
        f"{name}/{file.relative_to(path).as_posix()}": file
        for file in path.rglob("*")
        if file.is_file() and BYTECODE not in file.parts
    }
