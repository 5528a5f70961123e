"""Proof 1: the rendered texts keep Triton's rules, and say what the recipe says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import ProofError
from packager.model_config.compare import differences
from packager.model_config.parse import parse
from packager.proof import triton_rules
from packager.proof.result import Proof

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from packager.model_config.warmup import WarmupInput
    from packager.spec.recipe import Recipe

CONFIG = "config.pbtxt"


def prove(
    text: str,
    recipe: Recipe,
    hosts: Mapping[str, str] | None = None,
    warmup: Sequence[WarmupInput] = (),
) -> Proof:
    """Parse the rendered `config.pbtxt` and compare it with the recipe field by field.

    `hosts` are the texts of `configs/<host>.pbtxt` by host: each is the recipe's on that host, and
    differs from `config.pbtxt` in its instance groups only. `warmup` is what the model is run with
    while it loads.

    Raises:
        SpecError: a text does not parse.
        ProofError: a text breaks a rule of Triton's, a field differs, or there is not
            one text for each of the recipe's hosts.
    """
    hosts = hosts or {}
    main, warnings = _proven(text, recipe, CONFIG, warmup)
    names = [host.name for host in recipe.serving.hosts]
    if sorted(hosts) != sorted(names):
        raise _refused(
            f"there are configs for hosts {sorted(hosts)}; the recipe has {names}", CONFIG
        )
    for host in recipe.serving.hosts:
        place = f"configs/{host.name}.pbtxt"
        variant, more = _proven(hosts[host.name], recipe.on(host), place, warmup)
        warnings += more
        if _without_groups(variant) != _without_groups(main):
            raise _refused(f"differs from {CONFIG} in more than its instance groups", place)
    texts = [CONFIG, *(f"configs/{name}.pbtxt" for name in names)]
    verbs = "parse and equal" if hosts else "parses and equals"
    finding = f"{', '.join(texts)} {verbs} the recipe field by field"
    return Proof(name="rules", finding="\n".join((finding, *warnings)))


def _proven(
    text: str, recipe: Recipe, where: str, warmup: Sequence[WarmupInput]
) -> tuple[Any, list[str]]:
    """Return a text's message once it is known to say what the recipe says, and its warnings."""
    config = parse(text, where=where)
    warnings = triton_rules.require(text, config, where)
    found = differences(config, recipe, warmup)
    if found:
        raise _refused("; ".join(found), where)
    return config, warnings


def _without_groups(config: Any) -> Any:
    """Return a copy of a message without its instance groups."""
    copy = type(config)()
    copy.CopyFrom(config)
    copy.ClearField("instance_group")
    return copy


def _refused(problem: str, where: str) -> ProofError:
    return ProofError(problem, where=where, remedy="correct templates/config.pbtxt.j2")
