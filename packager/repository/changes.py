"""What a new version changes for the clients of those before it, and for the server that polls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.errors import SpecError
from packager.model_config.parse import TextError
from packager.model_config.parse import read as read_config
from packager.model_config.render import LABELS_FILE
from packager.model_config.rules.versions import served

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.repository.files import Files
    from packager.repository.record import Record
    from packager.repository.state import ModelState

WITHOUT_RELOAD = ("instance_group", "version_policy")
"""Fields that Triton takes over while a version goes on serving.

Source: core, src/model_config_utils.cc (EquivalentInNonInstanceGroupConfig); that `version_policy`
is among them, and that labels and configs of other hosts are not, was seen with 2.51.
"""

SHOWN_LABELS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Interface:
    """What clients see of a version: a `ModelConfig` message, and the labels of its classes."""

    config: Any
    labels: tuple[str, ...] = ()


def interface(config: str, labels: Sequence[str]) -> Interface | None:
    """Return what clients see of a version; None where its config cannot be read."""
    try:
        return Interface(config=read_config(config), labels=tuple(labels))
    except TextError:
        return None


def published(files: Files, state: ModelState) -> Interface | None:
    """Return what clients see of a model now: of the highest version served, else of the newest.

    Somebody else's version is what lies on disk beside it. None where there is no version.
    """
    if not state.versions:
        return None
    record = state.records.get((state.served or state.versions)[-1])
    if record is not None:
        return interface(record.config, record.labels)
    labels = files.read(f"{state.name}/{LABELS_FILE}") or b""
    return interface(state.config or "", labels.decode(errors="replace").splitlines())


def breaking(old: Interface, new: Interface) -> list[str]:
    """Return a line for every change that old clients would trip over; none where there is none.

    Where the batch comes from is no change: shapes are compared as clients send them. Neither is
    `reshape`, which clients do not see.
    """
    return [
        *_tensors("input", old.config, new.config),
        *_tensors("output", old.config, new.config),
        *_batches(old.config.max_batch_size, new.config.max_batch_size),
        *_ways_of_asking(old.config, new.config),
        *_labels(old.labels, new.labels),
    ]


def require_compatible(before: Interface | None, after: Interface | None, *, allow: bool) -> None:
    """Check that the clients of what is published can go on.

    Raises:
        SpecError: they cannot, and it is not allowed; says every difference.
    """
    if before is None or after is None or allow:
        return
    found = breaking(before, after)
    if found:
        raise SpecError(
            f"'{after.config.name}' would break the clients of what is published: "
            + "; ".join(found),
            where="allow_breaking",
            remedy="publish it under another name, or set allow_breaking=true",
        )


def require_policy_fits(state: ModelState, config: str, labels: Sequence[str], new: int) -> None:
    """Check that older versions which the new config goes on serving are what it says.

    A config belongs to the model: Triton would serve them by it, and answers would be wrong.

    Raises:
        SpecError: one has other inputs, outputs, labels or batches.
    """
    after = interface(config, labels)
    if after is None:
        return
    for version in sorted(served(after.config, (*state.versions, new))):
        found = _misfits(state.records.get(version), after) if version != new else []
        if found:
            raise SpecError(
                f"would serve version {version} by the new config, which does not fit it: "
                + "; ".join(found),
                where="serving.version_policy",
                remedy="set serving.version_policy.kind=latest with num_versions=1, or publish it"
                " under another name",
            )


def what_triton_does(
    old: str | None,
    new: str,
    versions: Sequence[int],
    version: int | None,
    *,
    files_changed: bool = False,
) -> list[str]:
    """Return what a server that polls does once `version` and the config `new` are there.

    `files_changed` are labels, or configs of other hosts.
    """
    before = _read(old)
    after = read_config(new)
    was = set() if before is None else set(served(before, versions))
    there = (*versions, version) if version is not None else versions
    will = set(served(after, there))
    kept = _kept(before, after, files_changed=files_changed)
    lines = [
        *(f"loads version {one}" for one in sorted(will - was)),
        *(kept.format(version=one) for one in sorted(will & was) if kept),
        *(f"drops version {one} (policy {policy(after)})" for one in sorted(was - will)),
    ]
    return lines or ["nothing"]


def policy(config: Any) -> str:
    """Return a config's version policy in words: `latest 1`, `all`, `specific 1, 3`."""
    match config.version_policy.WhichOneof("policy_choice"):
        case "specific":
            return f"specific {', '.join(map(str, config.version_policy.specific.versions))}"
        case "latest":
            return f"latest {config.version_policy.latest.num_versions}"
        case "all":
            return "all"
        case _:
            return "all" if config.HasField("version_policy") else "latest 1"


def _read(config: str | None) -> Any:
    try:
        return None if config is None else read_config(config)
    except TextError:
        return None


def _kept(before: Any, after: Any, *, files_changed: bool) -> str:
    """Return what becomes of a version that is served before and after; nothing if nothing does."""
    if before is None or before == after:
        return "reloads version {version}: files beside it changed" if files_changed else ""
    instances = list(before.instance_group) != list(after.instance_group)
    if files_changed or _without(before) != _without(after):
        return "reloads version {version} with the new config"
    return "updates the instances of version {version}, without a reload" if instances else ""


def _without(config: Any) -> Any:
    copy = type(config)()
    copy.CopyFrom(config)
    for field in WITHOUT_RELOAD:
        copy.ClearField(field)
    return copy


def _misfits(record: Record | None, after: Interface) -> list[str]:
    """Return how a version differs from the config that it would be served by."""
    before = None if record is None else interface(record.config, record.labels)
    if before is None:
        return []
    found = breaking(before, after)
    sizes = before.config.max_batch_size, after.config.max_batch_size
    if sizes[0] < sizes[1]:
        found.append(f"it is proven up to max_batch_size {sizes[0]}, not {sizes[1]}")
    if not before.labels and after.labels:
        found.append("it has no labels")
    return found


def _tensors(side: str, old: Any, new: Any) -> Iterator[str]:
    """Yield what became of each tensor of a side; one that kept its type and shape was renamed."""
    before = {tensor.name: tensor for tensor in getattr(old, side)}
    after = {tensor.name: tensor for tensor in getattr(new, side)}
    added = [name for name in after if name not in before]
    for name, tensor in before.items():
        told = _told(tensor, old)
        if name in after:
            yield from _changed(f"{side} '{name}'", told, _told(after[name], new))
            if side == "input" and tensor.optional and not after[name].optional:
                yield f"input '{name}' was optional and is not any more"
            continue
        renamed = next((one for one in added if _told(after[one], new) == told), None)
        if renamed is None:
            yield f"{side} '{name}' is gone"
        else:
            added.remove(renamed)
            yield f"{side} '{name}' is named '{renamed}' now"
    for name in added:
        if side == "output" or not after[name].optional:
            yield f"{side} '{name}' is new"


def _told(tensor: Any, config: Any) -> str:
    """Return a tensor's type and shape as clients send it, with the batch."""
    dims = [-1, *tensor.dims] if config.max_batch_size > 0 else list(tensor.dims)
    kind = type(tensor).DESCRIPTOR.fields_by_name["data_type"].enum_type
    name = kind.values_by_number[tensor.data_type].name.removeprefix("TYPE_")
    return f"{name} {dims}"


def _changed(what: str, old: str, new: str) -> Iterator[str]:
    if old != new:
        yield f"{what} is {new} now, and was {old}"


def _batches(old: int, new: int) -> Iterator[str]:
    if old and not new:
        yield f"batching is off now, and max_batch_size was {old}"
    elif new and (not old or new < old):
        before = f"was {old}" if old else "there was no limit"
        yield f"max_batch_size is {new} now, and {before}"


def _ways_of_asking(old: Any, new: Any) -> Iterator[str]:
    for what, field in (("decoupled answers", "decoupled"), ("sequences", "sequence_batching")):
        was, now = (_asks(config, field) for config in (old, new))
        if was != now:
            yield f"requests are {'' if now else 'no longer '}for {what}"


def _asks(config: Any, field: str) -> bool:
    if field == "decoupled":
        return bool(config.model_transaction_policy.decoupled)
    return bool(config.HasField(field))


def _labels(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Return how labels changed; having some where there were none breaks nobody."""
    if not old or tuple(old) == tuple(new):
        return []
    if not new:
        return ["labels are gone"]
    if sorted(old) == sorted(new):
        return [f"labels are in another order: {', '.join(new)}"]
    lines = [
        f"label {index} is '{now}' now, and was '{was}'"
        for index, (was, now) in enumerate(zip(old, new, strict=False))
        if was != now
    ]
    lines += [f"label {index} '{old[index]}' is gone" for index in range(len(new), len(old))]
    lines += [f"label {index} '{new[index]}' is new" for index in range(len(old), len(new))]
    rest = len(lines) - SHOWN_LABELS
    return lines if rest <= 1 else [*lines[:SHOWN_LABELS], f"{rest} more labels differ"]
