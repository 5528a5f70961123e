"""Version directories: which names Triton takes for versions, and which it then serves.

Source: core, src/model_repository_manager/model_lifecycle.cc (VersionsToLoad).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.backend_fields import DEFAULT_FILES
from packager.model_config.rules.rule import Judge, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packager.model_config.rules.backend_fields import Identity
    from packager.model_config.rules.facts import ModelFiles
    from packager.model_config.rules.rule import Finding

NONE_SERVED = Rule(
    id="TRN701",
    wording="at least one version must be available under the version policy of model '{model}'",
    remedy="add a version directory (1, 2, ...), or correct version_policy",
)
ABSENT = Rule(
    id="TRN702",
    wording="version {version} is specified for model '{model}', but the version directory is not"
    " present",
    remedy="add the directory, or take the version out of version_policy.specific",
    severity=Severity.warning,
)
LEADING_ZERO = Rule(
    id="TRN703",
    wording="ignore version directory '{directory}' which contains leading zeros in its directory"
    " name",
    remedy="rename it without the zeros",
    severity=Severity.warning,
)
NO_NUMBER = Rule(
    id="TRN704",
    wording="ignore version directory '{directory}' which fails to convert to integral number",
    remedy="rename it to a number from 1, or move it out of the model directory",
    severity=Severity.warning,
)
TRAILING = Rule(
    id="TRN705",
    wording="directory '{directory}' counts as version {version}, and Triton then looks for its"
    " files in '{version}'",
    remedy="move it out of the repository, or rename it to begin with a letter",
    judge=Judge.packager,
)
OUT_OF_RANGE = Rule(
    id="TRN706",
    wording="directory '{directory}' is too large a number for a version: Triton ends when it reads"
    " it",
    remedy="rename it to a number from 1 to 9223372036854775807",
    judge=Judge.abort,
)
NO_FILE = Rule(
    id="TRN707",
    wording="version {version} has no {file}",
    remedy="put the model's file there, or name it in default_model_filename",
    judge=Judge.packager,
)
EMPTY_FILE = Rule(
    id="TRN708",
    wording="{path} is empty",
    remedy="copy the model's file anew, and compare its size",
    judge=Judge.packager,
)
POINTER = Rule(
    id="TRN709",
    wording="{path} is a pointer of git-LFS, not the model",
    remedy="run `git lfs pull` where the repository is copied from",
    judge=Judge.packager,
)
RULES = (
    NONE_SERVED,
    ABSENT,
    LEADING_ZERO,
    NO_NUMBER,
    TRAILING,
    OUT_OF_RANGE,
    NO_FILE,
    EMPTY_FILE,
    POINTER,
)

RESERVED = frozenset({"warmup", "initial_state", "configs"})
"""Directories of a model that are no versions."""

_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_LARGEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Present:
    """The versions that Triton reads out of a model's directories, with their names."""

    numbers: dict[int, str]
    leading_zeros: tuple[str, ...] = ()
    no_numbers: tuple[str, ...] = ()
    too_large: tuple[str, ...] = ()


def present(directories: Iterable[str]) -> Present:
    """Return what Triton makes of the names of a model's sub-directories."""
    numbers: dict[int, str] = {}
    zeros, others, large = [], [], []
    for name in directories:
        found = _NUMBER.match(name)
        if name in RESERVED:
            continue
        if len(name) > 1 and name[0] == "0":
            zeros.append(name)
        elif found is None:
            others.append(name)
        elif not -_LARGEST - 1 <= int(found[1]) <= _LARGEST:
            large.append(name)
        elif name == str(int(found[1])) or int(found[1]) not in numbers:
            numbers[int(found[1])] = name
    return Present(
        numbers=numbers,
        leading_zeros=tuple(zeros),
        no_numbers=tuple(others),
        too_large=tuple(large),
    )


def served(config: Any, numbers: Iterable[int]) -> frozenset[int]:
    """Return the versions that the config's policy serves of those that are there.

    A specific version that is absent but named twice is served: Triton takes its first mention
    for its presence.
    """
    there = set(numbers)
    policy = config.version_policy.WhichOneof("policy_choice")
    if policy == "specific":
        wanted = list(config.version_policy.specific.versions)
        return frozenset(one for one in wanted if one in there or wanted.count(one) > 1)
    if policy == "all" or (policy is None and config.HasField("version_policy")):
        return frozenset(there)
    count = config.version_policy.latest.num_versions if policy == "latest" else 1
    return frozenset(sorted(there, reverse=True)[:count])


def check(config: Any, model: str, files: ModelFiles | None) -> Iterator[Finding]:
    """Yield traps in the names of version directories, and a policy that serves none."""
    if files is None:
        return
    found = present(files.directories())
    for name in found.leading_zeros:
        yield LEADING_ZERO.at("version_policy", directory=name)
    for name in found.no_numbers:
        yield NO_NUMBER.at("version_policy", directory=name)
    for name in found.too_large:
        yield OUT_OF_RANGE.at("version_policy", directory=name)
    for number, name in found.numbers.items():
        if name != str(number):
            yield TRAILING.at("version_policy", directory=name, version=number)
    for index, version in enumerate(config.version_policy.specific.versions):
        if version not in found.numbers:
            place = ("version_policy", "specific", "versions", index)
            yield ABSENT.at(*place, version=version, model=model)
    if not served(config, found.numbers):
        yield NONE_SERVED.at("version_policy", model=model)


def check_files(config: Any, identity: Identity, files: ModelFiles | None) -> Iterator[Finding]:
    """Yield served versions without the file that their backend reads."""
    if files is None:
        return
    for path in artifacts(config, identity, files):
        version, _, file = path.partition("/")
        in_version = config.runtime if identity.backend == "pytorch" else ""
        # A model of PyTorch 2 is a class in runtime's file; its weights are optional.
        if not _exists(path, files) and not (
            in_version and _exists(f"{version}/{in_version}", files)
        ):
            yield NO_FILE.at("default_model_filename", version=version, file=file)


def artifacts(config: Any, identity: Identity, files: ModelFiles) -> list[str]:
    """Return the file that each served version must have, where the backend is known to read it."""
    if identity.backend not in DEFAULT_FILES or config.cc_model_filenames:
        return []
    numbers = present(files.directories()).numbers
    return [f"{one}/{identity.file}" for one in sorted(served(config, numbers)) if one in numbers]


def _exists(path: str, files: ModelFiles) -> bool:
    directory, _, name = path.rpartition("/")
    if "/" in directory:
        return files.size(path) is not None
    return name in files.entries(directory)
