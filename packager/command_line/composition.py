"""Hydra's and OmegaConf's composition errors, told as one: problem, key, remedy."""

from __future__ import annotations

import dataclasses
import difflib
import re
import shlex
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from packager.errors import PackagerError, SpecError, UnavailableError
from packager.schema import Config, TensorConfig
from packager.sweep import launchers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

GROUPS = ("model", "serving/instance_group")
"""Groups beside those that are keys of the schema too."""

_CHOICES = re.compile(r"Invalid value '(.*)', expected one of \[(.*)\]")


_SEVERAL = re.compile(r"Ambiguous value for argument '([^=]+)=(.*)'")


def explain(error: BaseException, *, composing: bool = False) -> PackagerError | None:
    """Return the user's mistake behind an exception, None where it is none of these.

    Some mean a mistake in a YAML file only while the configuration is composed.
    """
    for kind, tell in (*TELLERS, *(WHILE_COMPOSING if composing else ())):
        if isinstance(error, kind):
            return tell(error)
    return None


def _from_cause(error: HydraException) -> PackagerError:
    inner = error.__cause__ or error.__context__
    return (explain(inner, composing=True) if inner else None) or _other(error)


def _unreadable_override(error: OverrideParseException) -> SpecError:
    return SpecError(
        f"cannot be read: {first_line(error)}",
        where=str(error.override),
        remedy="write key=value; quote values with spaces, brackets, '=' or '?':"
        f" {_quoted(str(error.override))}",
    )


def _quoted(override: str) -> str:
    """Return an override as a shell and Hydra read it; of a list, how its items are quoted."""
    key, _, value = override.partition("=")
    if not key or not value or value.startswith(("[", "{")):
        return '\'key="a value"\', \'key=["a value","another"]\''
    return shlex.quote(f"{key}={QuotedString(text=value, quote=Quote.double).with_quotes()}")


def _not_utf8(error: UnicodeDecodeError) -> SpecError:
    return SpecError(
        f"a YAML file is not UTF-8: {first_line(error)}",
        where="configuration",
        remedy="save it as UTF-8",
    )


def _endless(_error: RecursionError) -> SpecError:
    return SpecError(
        "a defaults list leads back to its own file",
        where="defaults",
        remedy="take the file's own name out of its defaults",
    )


def _missing_choice(error: MissingConfigException) -> PackagerError:
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    options = sorted(error.options or ())
    if group == "hydra/launcher" and name in launchers.EXTRAS:
        return launchers.missing(name)
    if group == "hydra/sweeper/sampler" and "tpe" not in options:  # it comes with the plugin
        return UnavailableError(
            "'optuna' is not installed",
            where="hydra/sweeper",
            remedy='pip install "packager[optuna]"',
        )
    if not options:
        return _other(error)
    return SpecError(
        f"there is no '{name}'",
        where=group,
        remedy=f"{_did_you_mean(name, options)}choose one of {', '.join(options)}",
    )


def _wrong_value(error: OmegaConfBaseException) -> SpecError:
    key = str(error.full_key or "configuration")
    kind = error.object_type
    unknown = type(error).__name__ in {"ConfigAttributeError", "ConfigKeyError"}
    if key == "model" and unknown:
        return _no_package_line()
    if unknown:
        parent, _, last = key.rpartition(".")
        known = _known_keys(kind) if parent else [*_known_keys(Config), *GROUPS]
        choices = f"the keys there are {', '.join(known)}" if known else "see `--cfg job`"
        return SpecError("no such key", where=key, remedy=f"{_did_you_mean(last, known)}{choices}")
    told = first_line(error)
    choice = _CHOICES.search(told)
    if choice:
        remedy = f"{_did_you_mean(choice[1], choice[2].split(', '))}choose one of them"
    elif told.endswith("is not Optional"):
        told, remedy = "is null", "give it a value, or leave the key out"
    elif "ListConfig" in told:
        remedy = f"write a list: {key}=[...]"
    elif "DictConfig" in told:
        remedy = f"write its keys and values: {key}={{...: ...}}"
    else:
        remedy = "`python -m packager model=... --cfg job` prints the value that each key has"
    # OmegaConf checks an item of a list by itself, and does not say where in the list it is.
    where = f"inputs/outputs: {key}" if kind is TensorConfig and "[" not in key else key
    return SpecError(told, where=where, remedy=remedy)


def _no_package_line() -> SpecError:
    return SpecError(
        "the recipe's values do not reach the configuration",
        where="model",
        remedy="make '# @package _global_' the first line of the recipe's YAML",
    )


def _broken_yaml(error: YAMLError) -> SpecError:
    if not isinstance(error, MarkedYAMLError):
        return SpecError(
            f"a YAML file cannot be read: {first_line(error)}",
            where=str(getattr(error, "name", "configuration")),
            remedy="save it as plain UTF-8 text",
        )
    mark = error.problem_mark or error.context_mark
    place = f"{mark.name}:{mark.line + 1}:{mark.column + 1}" if mark else "a YAML file"
    return SpecError(
        f"is not valid YAML: {error.problem or error.context}",
        where=place,
        remedy="correct the line; values with ':' or '#' need quotes",
    )


def _other(error: BaseException) -> SpecError:
    if "@model." in str(error):
        return _no_package_line()
    if "does not support sweep type" in str(error):
        return SpecError(
            "runs every value that is given, and an interval has no end of them",
            where="hydra/sweeper",
            remedy="choose hydra/sweeper=optuna, or name the values: trainer.lr=1e-3,1e-2",
        )
    several = _SEVERAL.search(str(error))
    if several:
        key, values = several.groups()
        as_list = shlex.quote(f"{key}=[{values}]")
        return SpecError(
            f"has several values, {values}, and one run takes one",
            where=key,
            remedy=f"write -m to run with each of them, or a list: {as_list}",
        )
    return SpecError(first_line(error), where="configuration", remedy="see `packager --help`")


def _known_keys(kind: object) -> list[str]:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return []


def _did_you_mean(word: str, options: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(options), n=1)
    return f"did you mean '{close[0]}'? " if close else ""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text without its full stop, or its type."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


TELLERS: tuple[tuple[type[BaseException], Callable[[Any], PackagerError]], ...] = (
    (MissingConfigException, _missing_choice),
    (OverrideParseException, _unreadable_override),
    (OmegaConfBaseException, _wrong_value),
    (YAMLError, _broken_yaml),
    (HydraException, _from_cause),
)
"""Who tells which exception; the first that fits."""

WHILE_COMPOSING: tuple[tuple[type[BaseException], Callable[[Any], PackagerError]], ...] = (
    (UnicodeDecodeError, _not_utf8),
    (RecursionError, _endless),
)
