"""Recipes to render: the shipped ones with other tensors and serving, and any valid one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from packager.spec.recipe import MODEL_NAME
from packager.spec.serving import (
    DynamicBatchingSpec,
    InstanceGroupSpec,
    InstanceKind,
    ServingSpec,
    VersionPolicyKind,
    VersionPolicySpec,
)
from packager.spec.tensors import DataType, TensorSpec
from packager.spec.training import NoTrainerSpec

from .composing import recipe

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe

INT32_MAX = 2**31 - 1
HOSTILE_TEXTS = (
    '"',
    "\\",
    '" } output { name: "x',
    "a\nmax_batch_size: 9",
    "{{ name }}{% raw %}",
    "<&>'",
    "\x00\x7f\x1b[2J",
    "\\u0041\\x41\\101",
    "# comment",
    "größe 图像 \U0001f600 \u2028",
)


def with_tensors(inputs: list[TensorSpec], outputs: list[TensorSpec]) -> Recipe:
    """Return a shipped recipe, not trained, with other tensors."""
    return replace(
        recipe("model=fashion_cnn"),
        trainer=NoTrainerSpec(),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
    )


def without_data(
    inputs: list[TensorSpec], outputs: list[TensorSpec], serving: ServingSpec | None = None
) -> Recipe:
    """Return a recipe that knows of no data, as for a module that is packaged as it is."""
    made = replace(with_tensors(inputs, outputs), dataset=None)
    return replace(made, serving=serving or made.serving)


def tensor(name: str, *dims: int, data_type: DataType = DataType.FP32) -> TensorSpec:
    """Return a tensor by name and dims."""
    return TensorSpec(name=name, data_type=data_type, dims=dims)


def tensors() -> st.SearchStrategy[TensorSpec]:
    """Any valid tensor."""
    return st.builds(
        TensorSpec,
        name=st.sampled_from(HOSTILE_TEXTS) | st.text(min_size=1),
        data_type=st.sampled_from(DataType),
        dims=st.lists(st.just(-1) | st.integers(1, 10_000), max_size=5).map(tuple),
    )


@st.composite
def version_policies(draw: st.DrawFn) -> VersionPolicySpec:
    """Any valid version policy."""
    kind = draw(st.sampled_from(VersionPolicyKind))
    versions = st.lists(st.integers(1, 2**63 - 1), max_size=3).map(tuple)
    is_latest = kind is VersionPolicyKind.latest
    return VersionPolicySpec(
        kind=kind,
        num_versions=draw(st.integers(1, 2**32 - 1)) if is_latest else 1,
        versions=draw(versions) if kind is VersionPolicyKind.specific else (),
    )


@st.composite
def servings(draw: st.DrawFn) -> ServingSpec:
    """Any valid way of serving."""
    kind = draw(st.sampled_from(InstanceKind))
    gpus = () if kind is InstanceKind.KIND_CPU else tuple(draw(st.lists(st.integers(0, 7))))
    size = draw(st.sampled_from([0, 1, 128]) | st.integers(0, INT32_MAX))
    batching = DynamicBatchingSpec(
        max_queue_delay_us=draw(st.integers(0, 10**9)),
        preferred_batch_size=tuple(draw(st.lists(st.integers(1, max(1, size)), max_size=4))),
    )
    return ServingSpec(
        instance_group=InstanceGroupSpec(
            kind=kind, count=draw(st.integers(1, INT32_MAX)), gpus=gpus
        ),
        max_batch_size=size,
        batch_dim=draw(st.sampled_from([None, -1]) | st.integers(1, 1000)),
        dynamic_batching=batching if size and draw(st.booleans()) else None,
        version_policy=draw(version_policies()),
    )


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Any valid recipe, in what `config.pbtxt` says of it."""
    drawn = draw(st.lists(tensors(), min_size=2, max_size=6, unique_by=lambda tensor: tensor.name))
    cut = draw(st.integers(1, len(drawn) - 1))
    return replace(
        with_tensors(drawn[:cut], drawn[cut:]),
        name=draw(
            st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,20}", fullmatch=True).filter(
                lambda name: MODEL_NAME.fullmatch(name) is not None
            )
        ),
        serving=draw(servings()),
    )
