"""Weights from a file into a module: every name and shape must fit, or be skipped by name."""

from __future__ import annotations

import difflib
from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present
from torch.nn.parameter import is_lazy

from packager.architectures.state_dict_file import KEY, read
from packager.architectures.telling import first_line
from packager.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import nn

    from packager.spec.architecture import WeightsSpec

SKIP_KEY = "architecture.weights.skip"
PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""

COUNTER = "num_batches_tracked"
"""Batch norm's; files from before torch 0.4.1 lack it, and answers do not depend on it."""

State = OrderedDict[str, object]


def load(module: nn.Module, spec: WeightsSpec) -> None:
    """Copy a file's weights into a module, all but those whose names begin as `skip` says.

    What is skipped keeps the module's own initial values. After an error the module is to be
    thrown away: some of its weights are the file's.

    Raises:
        SpecError: the file cannot be read, or names, shapes or types do not fit; all are listed.
    """
    own = module.state_dict()
    state = _without_prefixes(read(spec.path), own)
    _require_known(spec.skip, (*state, *own))
    wrong = {
        name: difference
        for name, value in state.items()
        if not name.startswith(spec.skip)
        and (difference := _difference(value, own.get(name))) is not None
    }
    fitting = _only_fitting(state, own, skip=spec.skip, wrong=wrong)
    try:
        # torch's own renamings of old names happen here, so it says what is missing.
        missing, unexpected = module.load_state_dict(fitting, strict=False)
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise SpecError(
            f"{spec.path} does not fit the module: {first_line(error)}",
            where=KEY,
            remedy="give weights of this very module",
        ) from error
    excused = _tied(own, fitting) | {name for name in missing if name.endswith(COUNTER)}
    missing = [
        name
        for name in missing
        if name not in wrong and name not in excused and not name.startswith(spec.skip)
    ]
    if wrong or missing or unexpected:
        raise _misfit(spec, wrong, missing, unexpected, some_fit=len(fitting) > len(unexpected))


def _without_prefixes(state: State, own: Mapping[str, object]) -> State:
    """Take away what stands before every name in the file and not in the module."""
    for prefix in (*PREFIXES, *PREFIXES):
        if all(name.startswith(prefix) for name in state) and not all(
            name.startswith(prefix) for name in own
        ):
            consume_prefix_in_state_dict_if_present(state, prefix)
    return state


def _require_known(skip: Iterable[str], names: tuple[str, ...]) -> None:
    for start in skip:
        if not any(name.startswith(start) for name in names):
            close = difflib.get_close_matches(start, sorted({*names, *map(_layer, names)}), n=3)
            raise SpecError(
                f"no weight's name begins with '{start}'",
                where=SKIP_KEY,
                remedy=f"write {' or '.join(map(_quoted, close))}" if close else "leave it out",
            )


def _quoted(start: str) -> str:
    """Return it as YAML and the command line take it: without quotes, 13. is a number, 13.0."""
    return f"'{start}'"


def _difference(given: object, own: object) -> str | None:
    """Return how two weights of one name differ so that one cannot become the other."""
    if not isinstance(given, torch.Tensor) or not isinstance(own, torch.Tensor):
        return None
    if not _is_unsettled(own) and given.shape != own.shape:
        return f"is {list(given.shape)} in the file, {list(own.shape)} in the module"
    if own.is_floating_point() and not given.is_floating_point():
        return f"is {given.dtype} in the file, {own.dtype} in the module"
    return None


def _is_unsettled(tensor: torch.Tensor) -> bool:
    return bool(is_lazy(tensor))


def _only_fitting(
    state: State, own: Mapping[str, object], *, skip: tuple[str, ...], wrong: Mapping[str, str]
) -> State:
    """Return what is to be loaded, with the layers' versions that torch keeps beside it."""
    fitting = State(
        (name, value)
        for name, value in state.items()
        if name not in wrong and not name.startswith(skip)
    )
    versions = getattr(state, "_metadata", None) or getattr(own, "_metadata", None)
    fitting._metadata = versions  # type: ignore[attr-defined]  # noqa: SLF001
    return fitting


def _tied(own: Mapping[str, object], loaded: Iterable[str]) -> set[str]:
    """Return names that are a loaded weight under another name; safetensors saves one of them."""
    places = {_place(own[name]) for name in loaded if name in own}
    return {name for name, value in own.items() if _place(value) in places}


def _place(value: object) -> object:
    if not isinstance(value, torch.Tensor) or _is_unsettled(value) or not value.numel():
        return object()
    return value.data_ptr(), value.shape, value.stride()


def _misfit(
    spec: WeightsSpec,
    wrong: Mapping[str, str],
    missing: list[str],
    unexpected: list[str],
    *,
    some_fit: bool,
) -> SpecError:
    parts = [f"{name} {difference}" for name, difference in wrong.items()]
    if missing:
        parts.append(f"not in the file: {', '.join(missing)}")
    if unexpected:
        parts.append(f"not in the module: {', '.join(unexpected)}")
    layers = dict.fromkeys(f"{_layer(name)}." for name in (*wrong, *missing, *unexpected))
    skip = ", ".join(map(_quoted, (*spec.skip, *layers)))
    return SpecError(
        f"{spec.path} does not fit the module: {'; '.join(parts)}",
        where=KEY,
        remedy=f"give this module's own weights, or leave these layers out with"
        f' "{SKIP_KEY}=[{skip}]"'
        if some_fit
        else "give this module's own weights: none of these fits",
    )


def _layer(name: str) -> str:
    return name.rpartition(".")[0] or name
