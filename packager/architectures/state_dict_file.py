"""A state dict on disk: safetensors, or what torch.save wrote; no code of it is run."""

from __future__ import annotations

import collections
import pickle
import pickletools
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from packager.architectures.telling import first_line
from packager.architectures.torch_file import LEGACY_START, FileKind, kind_of, require_file
from packager.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

KEY = "architecture.weights.path"
WRAPPERS = ("state_dict", "model_state_dict", "model")
"""What checkpoints usually hold their state dict under."""

SAVE_IT = "load it where it was made, and torch.save(module.state_dict(), PATH)"
REFUSED_GLOBAL = re.compile(r"GLOBAL ([\w.]+) (?:was not an allowed|whose module)")
"""What torch says of a function or class that a pickle would call."""


def read(path: Path) -> OrderedDict[str, object]:
    """Return a file's state dict by name, on the CPU, without what checkpoints wrap it in.

    Raises:
        SpecError: no such file, cut short, or something else than a state dict.
    """
    require_file(path, where=KEY)
    if path.suffix == ".safetensors":
        return OrderedDict(_read_safetensors(path))
    _require_saved(path)
    return _unwrapped(_read_saved(path), path)


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        return load_file(path, device="cpu")
    except SafetensorError as error:
        raise SpecError(
            f"{path} is cut short or no safetensors file: {first_line(error)}",
            where=KEY,
            remedy="copy or write it again with safetensors.torch.save_file",
        ) from error


def _require_saved(path: Path) -> None:
    """Check that the file may be one of torch.save."""
    kind = kind_of(path)
    if kind is FileKind.torchscript:
        raise SpecError(
            f"{path} is a TorchScript file, which is a whole module",
            where=KEY,
            remedy=f"package it as it is with architecture=torchscript"
            f" architecture.torchscript={path}",
        )
    if kind is FileKind.exported:
        raise SpecError(
            f"{path} is a program of torch.export, which is a whole module",
            where=KEY,
            remedy=SAVE_IT,
        )
    if kind is FileKind.cut_short:
        raise _cut_short(path, "the end of its archive is missing")


def _read_saved(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refused = REFUSED_GLOBAL.search(str(error))
        if refused is None or not _is_whole(path):
            raise _cut_short(path, _reason(error)) from error
        raise SpecError(
            f"{path} holds more than weights: loading it would run code of {refused[1]}",
            where=KEY,
            remedy=SAVE_IT,
        ) from error
    except Exception as error:
        # Bytes cut anywhere or of another format: torch raises whatever they lead it to.
        raise _cut_short(path, first_line(error)) from error


def _is_whole(path: Path) -> bool:
    """Return whether a file of the old format holds its first pickles whole.

    A name that the end of the file cuts looks like code that is refused.
    """
    with path.open("rb") as file:
        if file.read(len(LEGACY_START)) != LEGACY_START:
            return True
        try:
            for _ in ("protocol", "system", "objects"):
                collections.deque(pickletools.genops(file), maxlen=0)
        except ValueError:
            return False
    return True


def _reason(error: Exception) -> str:
    """Return what is behind torch's paragraph of advice."""
    return first_line(error.__context__ or error).partition(". In PyTorch 2.6")[0]


def _cut_short(path: Path, reason: str) -> SpecError:
    return SpecError(
        f"{path} is cut short, damaged or no file of torch.save: {reason}",
        where=KEY,
        remedy="copy or write it again; safetensors files end in .safetensors",
    )


def _unwrapped(loaded: object, path: Path) -> OrderedDict[str, object]:
    """Return the state dict itself, which checkpoints keep beside other things."""
    if isinstance(loaded, Mapping):
        for key in WRAPPERS:
            if _is_state_dict(loaded.get(key)):
                loaded = loaded[key]
                break
    if isinstance(loaded, Mapping) and _is_state_dict(loaded):
        state = OrderedDict[str, object](loaded)
        if hasattr(loaded, "_metadata"):  # the layers' versions, which torch keeps beside them
            state._metadata = loaded._metadata  # type: ignore[attr-defined]  # noqa: SLF001
        return state
    held = (
        f"a mapping with {', '.join(map(str, loaded)) or 'nothing'}"
        if isinstance(loaded, Mapping)
        else f"a {type(loaded).__name__}"
    )
    raise SpecError(
        f"{path} holds no state dict but {held}",
        where=KEY,
        remedy=f"save the state dict alone, or under {' or '.join(WRAPPERS)}:"
        " torch.save(module.state_dict(), PATH)",
    )


def _is_state_dict(value: object) -> bool:
    """Return whether these are tensors by name; modules may keep state of other types too."""
    return (
        isinstance(value, Mapping)
        and all(isinstance(key, str) for key in value)
        and any(isinstance(one, torch.Tensor) for one in value.values())
        and not any(key in WRAPPERS and _is_state_dict(one) for key, one in value.items())
    )
