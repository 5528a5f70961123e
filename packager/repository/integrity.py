"""Whether what lies in a repository is what the manifests of its versions say, to the byte."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.model_config.parse import TextError
from packager.model_config.parse import read as read_config
from packager.model_config.render import LABELS_FILE
from packager.model_config.warmup import FILE as SAMPLE_FILE
from packager.model_config.warmup import is_intact, named
from packager.repository.layout import (
    CONFIG_FILE,
    CONFIGS_FOLDER,
    MANIFEST_FILE,
    SIGNATURE_FILE,
    WARMUP_FOLDER,
)
from packager.repository.manifest import SEAL, canonical, seal_of
from packager.repository.policy import pinned
from packager.repository.remote.committed import listing
from packager.repository.transition import LABELS_COPY
from packager.repository.versions import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packager.repository.files import Files
    from packager.repository.record import Record
    from packager.repository.state import ModelState

CHANGED = "is changed"
MISSING = "is missing"
ADDED = "is added"

UNSEALED = (1,)
"""Formats of manifests that have no seal and no identity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A file by its path in the repository, and what is wrong with it."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path} {self.problem}"


def version_findings(files: Files, state: ModelState, version: int) -> list[Finding]:
    """Return what is wrong in a version's directory: its files against its manifest, and that."""
    folder = f"{state.name}/{version}"
    manifest = f"{folder}/{MANIFEST_FILE}"
    record, text = state.records.get(version), files.read(manifest)
    if text is None:
        return [Finding(path=manifest, problem=MISSING)]
    if record is None:
        return [Finding(path=manifest, problem="cannot be read")]
    problems = (*_manifest(record, text), *_place(record, state.name))
    return [
        *(Finding(path=manifest, problem=problem) for problem in problems),
        *_contents(files, folder, record),
    ]


def model_findings(files: Files, state: ModelState) -> list[Finding]:
    """Return what is wrong beside the versions: config, labels, configs of hosts, other files.

    They are held to the manifest of a version that is served. A policy of specific versions may
    stand in place of the manifest's own: so promoted versions are served.
    """
    own = [path for path in files.files(state.name) if not _in_version(path, state)]
    there = {path.removeprefix(f"{state.name}/"): files.read(path) or b"" for path in own}
    record = _answerable(state, there)
    if record is None:
        return []
    expected = _expected(record)
    found = [
        Finding(path=f"{state.name}/{path}", problem=MISSING)
        for path in (*expected, *_expected_samples(record))
        if path not in there
    ]
    for path, content in there.items():
        problem = _problem(path, content, state, expected)
        if problem:
            found.append(Finding(path=f"{state.name}/{path}", problem=problem))
    return sorted(found, key=lambda finding: finding.path)


def _manifest(record: Record, text: bytes) -> Iterator[str]:
    """Yield what a manifest contradicts itself in."""
    content = record.content
    is_sealed = content.get("format") not in UNSEALED
    if is_sealed and (content.get("times") or {}).get(SEAL) != seal_of(content):
        yield CHANGED
    elif text != canonical(json.loads(text)).encode():
        yield f"{CHANGED}: it is written in another way"
    if content.get("config_sha256") != hashlib.sha256(record.config.encode()).hexdigest():
        yield f"{CHANGED}: config_sha256 is not that of its config"
    if is_sealed and record.identity != record.expected_identity:
        yield f"{CHANGED}: identity is not that of its files, configs and labels"


def _place(record: Record, model: str) -> Iterator[str]:
    """Yield that a manifest is of another model or number; older ones do not tell."""
    told = record.content.get("version"), record.content.get("name")
    if told[0] not in (None, record.version):
        yield f"is that of version {told[0]}"
    if told[1] not in (None, model):
        yield f"is that of model '{told[1]}'"


def _contents(files: Files, folder: str, record: Record) -> Iterator[Finding]:
    """Yield the files of a version that are not as its manifest says."""
    there = {path.removeprefix(f"{folder}/"): path for path in files.files(folder)}
    for name, digest in sorted(record.files.items()):
        if name not in there:
            yield Finding(path=f"{folder}/{name}", problem=MISSING)
        elif files.sha256(there[name]) != digest:
            yield Finding(path=f"{folder}/{name}", problem=CHANGED)
    for name in there:
        if name not in {*record.files, MANIFEST_FILE, SIGNATURE_FILE}:
            yield Finding(path=f"{folder}/{name}", problem=ADDED)


def _in_version(path: str, state: ModelState) -> bool:
    """Return whether a file is a version's, or in an object store one's that is being uploaded."""
    folder = path.removeprefix(f"{state.name}/").partition("/")
    return bool(folder[1]) and VERSION.fullmatch(folder[0]) is not None


def _answerable(state: ModelState, there: Mapping[str, bytes]) -> Record | None:
    """Return the record that config and labels are held to: of those served the one that fits."""
    numbers = state.served or state.versions[-1:]
    records = [state.records[one] for one in reversed(numbers) if one in state.records]
    for record in records:
        if _is_config(there.get(CONFIG_FILE, b""), record.config, state):
            return record
    return records[0] if records else None


def _expected(record: Record) -> dict[str, str]:
    """Return the texts of the files that versions share, by their paths in the model."""
    texts = {f"{CONFIGS_FOLDER}/{host}.pbtxt": text for host, text in record.host_configs.items()}
    if record.labels and LABELS_FILE not in record.files:
        texts[LABELS_FILE] = "".join(f"{label}\n" for label in record.labels)
    return texts | {CONFIG_FILE: record.config}


def _expected_samples(record: Record) -> frozenset[str]:
    """Return the samples for a warmup that its configs name, by their paths in the model."""
    texts = (record.config, *record.host_configs.values())
    return frozenset(f"{WARMUP_FOLDER}/{file}" for text in texts for file in named(text))


def _problem(
    path: str, content: bytes, state: ModelState, expected: Mapping[str, str]
) -> str | None:
    if path not in expected:
        if _is_sample(path):
            return None if is_intact(path, content) else CHANGED
        return None if _is_copy(path, content) else ADDED
    if path == LABELS_FILE:
        return None if content == expected[path].encode() else CHANGED
    return None if _is_config(content, expected[path], state) else CHANGED


def _is_config(content: bytes, own: str, state: ModelState) -> bool:
    """Return whether a config is a version's own, but for which versions it serves."""
    if content == own.encode():
        return True
    try:
        served = read_config(content.decode()).version_policy.specific.versions
        texts = (pinned(own, served), listing(own, versions=state.versions, serving=served))
    except (TextError, SpecError, UnicodeDecodeError):
        return False
    return bool(served) and content in [text.encode() for text in texts]


def _is_sample(path: str) -> bool:
    """Return whether a file is a sample of some version's, which stays for a load to end."""
    folder, _, name = path.rpartition("/")
    return folder == WARMUP_FOLDER and SAMPLE_FILE.fullmatch(name) is not None


def _is_copy(path: str, content: bytes) -> bool:
    """Return whether a file is a copy of labels that publishing leaves for a load to end."""
    digest = hashlib.sha256(content).hexdigest()[:8]
    return LABELS_COPY.fullmatch(path) is not None and digest in path
