"""The files that a model's versions share: labels and configs, as they are put in together.

The samples that configs name for a warmup lie beside them, each named by its content: they come
before the configs that name them, and stay when these go (`transition.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf import text_format

from packager.model_config.parse import TextError
from packager.model_config.parse import read as read_config
from packager.model_config.render import LABELS_FILE
from packager.model_config.warmup import is_intact, named
from packager.repository.layout import CONFIG_FILE, CONFIGS_FOLDER, WARMUP_FOLDER
from packager.repository.policy import pinned
from packager.repository.state import served_versions
from packager.repository.versions import versions as versions_in

if TYPE_CHECKING:
    from packager.repository.layout import ModelPaths

Files = Mapping[str, bytes]
"""Contents by path in the model's directory."""

UPDATED_IN_PLACE = ("instance_group", "dynamic_batching", "model_warmup", "version_policy")
"""Fields of a config that say nothing of what a version is asked, or answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """What a model serves a version with: its config, its labels, the configs of kinds of hosts."""

    config: str
    labels: tuple[str, ...] = ()
    host_configs: Mapping[str, str] = field(default_factory=dict)

    def files(self) -> Files:
        """Return them as files; without labels there is no file of them."""
        labels = {LABELS_FILE: "".join(f"{line}\n" for line in self.labels)} if self.labels else {}
        hosts = {f"{CONFIGS_FOLDER}/{host}.pbtxt": text for host, text in self.host_configs.items()}
        texts = {**labels, **hosts, CONFIG_FILE: self.config}
        return {path: text.encode() for path, text in texts.items()}


def read(model: ModelPaths) -> dict[str, bytes]:
    """Return what is on disk but for a warmup's samples; a file that is missing is left out."""
    paths = (model.labels, *model.host_configs().values(), model.config)
    return {
        path.relative_to(model.directory).as_posix(): path.read_bytes()
        for path in paths
        if path.exists()
    }


def samples_of(files: Files) -> frozenset[str]:
    """Return the samples that configs name, by their paths in the model's directory."""
    texts = [
        content.decode(errors="replace") for path, content in files.items() if _is_config(path)
    ]
    return frozenset(f"{WARMUP_FOLDER}/{file}" for text in texts for file in named(text))


def lacking_samples(
    model: ModelPaths, files: Files, *, source: ModelPaths | None = None
) -> dict[str, bytes]:
    """Return the samples that configs name and that are not in place in the model.

    They are those of a staged model, the `source`, or of whichever version came with them.
    """
    numbers = versions_in(model.directory)
    folders = [source.directory] if source else [model.version(number) for number in numbers]
    found = {}
    for path in samples_of(files):
        copies = (folder / path for folder in folders if not is_in_place(model, path))
        content = next((copy.read_bytes() for copy in copies if copy.is_file()), None)
        if content is not None:
            found[path] = content
    return found


def is_in_place(model: ModelPaths, path: str) -> bool:
    """Return whether a sample is there, with the content that its name tells."""
    file = model.directory / path
    return file.is_file() and is_intact(file.name, file.read_bytes())


def served(files: Files, numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the versions that `config.pbtxt` serves of those that are there."""
    config = files.get(CONFIG_FILE)
    return served_versions(None if config is None else config.decode(errors="replace"), numbers)


def interchangeable(one: Files, other: Files) -> bool:
    """Whether either's versions can be served with the other's files, and answer the same."""
    if one.get(LABELS_FILE) != other.get(LABELS_FILE):
        return False
    paths = {path for path in (*one, *other) if _is_config(path)}
    return all(_serve_alike(_taken(one, path), _taken(other, path)) for path in paths)


def held(files: Files, versions: Iterable[int], *, labels: str = LABELS_FILE) -> dict[str, bytes]:
    """Return the configs with a policy of these versions only, reading their labels in `labels`.

    Another file of labels comes along. A config that cannot be read serves nothing anyway.
    """
    configs = {
        path: _held(content, tuple(versions), labels)
        for path, content in files.items()
        if _is_config(path)
    }
    if labels != LABELS_FILE and LABELS_FILE in files:
        configs[labels] = files[LABELS_FILE]
    return configs


def labels_copy(files: Files) -> str:
    """Return the name of a copy of the labels, by their content: it is never overwritten."""
    digest = hashlib.sha256(files.get(LABELS_FILE, b"")).hexdigest()[:8]
    return f"labels-{digest}.txt"


def in_order(paths: Iterable[str]) -> list[str]:
    """Return paths in the order to put them in: what configs name before them, the main one last.

    Those of hosts come in between.
    """
    return sorted(paths, key=lambda path: (path == CONFIG_FILE, _is_config(path), path))


def _is_config(path: str) -> bool:
    """Return whether a file is a config, of a kind of hosts or of the others."""
    return path == CONFIG_FILE or path.startswith(f"{CONFIGS_FOLDER}/")


def _taken(files: Files, path: str) -> bytes | None:
    """Return the config that a host reads: its own, or `config.pbtxt`."""
    return files.get(path, files.get(CONFIG_FILE))


def _serve_alike(one: bytes | None, other: bytes | None) -> bool:
    if one is None or other is None or one == other:
        return one == other
    try:
        messages = [read_config(content.decode()) for content in (one, other)]
    except (TextError, UnicodeDecodeError):
        return False
    for message in messages:
        for name in UPDATED_IN_PLACE:
            message.ClearField(name)
    return bool(messages[0] == messages[1])


def _held(content: bytes, versions: tuple[int, ...], labels: str) -> bytes:
    try:
        text = content.decode()
        config = read_config(text)
    except (TextError, UnicodeDecodeError):
        return content
    text = pinned(text, versions)
    if labels == LABELS_FILE or not any(_reads_labels(output) for output in config.output):
        return text.encode()
    config = read_config(text)
    for output in filter(_reads_labels, config.output):
        output.label_filename = labels
    # protobuf leaves a zero out, and Triton takes absence for something else in some platforms.
    zero = "" if config.max_batch_size else "max_batch_size: 0\n"
    return f"{zero}{text_format.MessageToString(config)}".encode()


def _reads_labels(output: Any) -> bool:
    return bool(output.label_filename == LABELS_FILE)
