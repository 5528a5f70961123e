"""Pairs about ensembles: their own graph, and the models in their steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.differential.draft import Draft
from tests.differential.pairs import Pair, pair

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hypothesis.strategies import DrawFn

    from tests.differential.pairs import Change

_ONE_TO_ONE = ("plain", "decoupled", "versions", "joining")


def new_ensemble() -> Draft:
    """Return an ensemble without steps."""
    draft = Draft()
    draft.config.platform = "ensemble"
    return draft


def add_step(
    draft: Draft, model: str, inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> Any:
    """Add a step for the latest version; return it."""
    step = draft.config.ensemble_scheduling.step.add(model_name=model, model_version=-1)
    step.input_map.update(inputs)
    step.output_map.update(outputs)
    return step


def add_io(draft: Draft, kind: str, *names: str, dims: tuple[int, ...] = (2,)) -> None:
    """Add float inputs or outputs."""
    for name in names:
        getattr(draft.config, kind).add(name=name, data_type=11, dims=dims)


@st.composite
def ensembles(draw: DrawFn) -> Draft:
    """A chain of steps from x to y, with a second input sometimes."""
    draft = new_ensemble()
    batches = draw(st.booleans())
    models = st.sampled_from(["batched"] if batches else _ONE_TO_ONE)
    length = draw(st.integers(1, 3))
    tensors = ["x", *(f"t{index}" for index in range(1, length)), "y"]
    for index in range(length):
        add_step(draft, draw(models), {"a": tensors[index]}, {"o": tensors[index + 1]})
    _make_one_decoupled_at_most(draft)
    if batches:
        draft.config.max_batch_size = draw(st.sampled_from([1, 8]))
    add_io(draft, "input", "x", dims=draw(st.sampled_from([(2,), (-1,)])))
    add_io(draft, "output", "y")
    if not (batches or _is_decoupled(draft)) and draw(st.booleans()):
        add_step(draft, "needing_both", {"a": "x", "b": "z"}, {"o": "w"})
        add_io(draft, "input", "z")
        add_io(draft, "output", "w")
    if draw(st.booleans()):
        draft.config.parameters["a"].string_value = "b"
    return draft


def _is_decoupled(draft: Draft) -> bool:
    return any(step.model_name == "decoupled" for step in draft.config.ensemble_scheduling.step)


def _make_one_decoupled_at_most(draft: Draft) -> None:
    seen = False
    for step in draft.config.ensemble_scheduling.step:
        if step.model_name == "decoupled" and seen:
            step.model_name = "plain"
        seen = seen or step.model_name == "decoupled"


_ON = ensembles()


def _first(draft: Draft) -> Any:
    return draft.config.ensemble_scheduling.step[0]


def _nothing(_draw: DrawFn, _draft: Draft) -> None:
    pass


def _other_platform(draw: DrawFn, draft: Draft) -> None:
    draft.config.platform, draft.config.backend = draw(
        st.sampled_from([("", "custom"), ("x", "custom"), ("pytorch_libtorch", "")])
    )


def _set(change: Callable[[Draft], object]) -> Change:
    def changed(_draw: DrawFn, draft: Draft) -> None:
        change(draft)

    return changed


def _step(change: Callable[[Any], object]) -> Change:
    """Return the change of a step drawn."""

    def changed(draw: DrawFn, draft: Draft) -> None:
        change(draw(st.sampled_from(list(draft.config.ensemble_scheduling.step))))

    return changed


def _written_twice(draw: DrawFn, draft: Draft) -> None:
    tensor = draw(st.sampled_from(["y", "y2"]))
    if tensor == "y2":
        add_step(draft, "plain", {"a": "x"}, {"o": "y2"})
        add_io(draft, "output", "y2")
    add_step(draft, "plain", {"a": "x"}, {"o": tensor})


def _read_twice(_draw: DrawFn, draft: Draft) -> None:
    for step in draft.config.ensemble_scheduling.step:
        if step.model_name == "decoupled":
            step.model_name = "plain"
    model = "batched" if draft.config.max_batch_size else "plain"
    add_step(draft, model, {"a": "x"}, {"o": "y2"})
    add_io(draft, "output", "y2")


def _unused_input(draw: DrawFn, draft: Draft) -> None:
    add_io(draft, "input", draw(st.sampled_from(["q", "X", "a"])))


def _unused_output(draw: DrawFn, draft: Draft) -> None:
    add_io(draft, "output", draw(st.sampled_from(["q", "Y", "o"])))


def _not_written(draw: DrawFn, draft: Draft) -> None:
    add_io(draft, "output", "q")
    if draw(st.booleans()):
        add_step(draft, "plain", {"a": "q"}, {"o": "q"})
    else:
        add_step(draft, "needing_both", {"a": "x", "b": "r"}, {"o": "q"})
        add_step(draft, "plain", {"a": "q"}, {"o": "r"})
        add_io(draft, "output", "r")


def _not_read(draw: DrawFn, draft: Draft) -> None:
    add_step(draft, "plain", {"a": "x"}, {"o": "q"})
    if draw(st.booleans()):
        add_step(draft, "plain", {"a": "r"}, {"o": "s"})


def _single_named(
    draft: Draft, model: str, inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> None:
    """Make the draft one step from x to y."""
    config = draft.config
    config.Clear()
    config.name, config.platform = "NAME", "ensemble"
    add_step(draft, model, inputs, outputs)
    add_io(draft, "input", *dict.fromkeys(inputs.values()))
    add_io(draft, "output", *dict.fromkeys(outputs.values()))


def _single(model: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Change:
    """Return the change to one step of that model."""
    return lambda _draw, draft: _single_named(draft, model, inputs, outputs)


def _unavailable(draw: DrawFn, draft: Draft) -> None:
    names = draw(st.lists(st.sampled_from(["nobody", "refused_at_poll"]), min_size=1))
    steps = draft.config.ensemble_scheduling.step
    for step, name in zip(steps, names, strict=False):
        step.model_name = name


def _cycle(draw: DrawFn, draft: Draft) -> None:
    step = draw(st.sampled_from(list(draft.config.ensemble_scheduling.step)))
    step.model_name = "NAME"
    if draw(st.booleans()):
        step.model_name = "NAMEb"
        other = new_ensemble()
        other.config.name = "NAMEb"
        add_step(other, "NAME", {"x": "x"}, {"y": "y"})
        add_io(other, "input", "x")
        add_io(other, "output", "y")
        draft.siblings["b"] = str(other.config)


def _nested(_draw: DrawFn, draft: Draft) -> None:
    _single_named(draft, "nested", {"x": "in"}, {"y": "out"})


def _version(*versions: int) -> Change:
    def changed(draw: DrawFn, draft: Draft) -> None:
        _single_named(draft, "versions", {"a": "x"}, {"o": "y"})
        _first(draft).model_version = draw(st.sampled_from(versions))

    return changed


def _large_batches(draw: DrawFn, draft: Draft) -> None:
    _single_named(draft, "batched", {"a": "x"}, {"o": "y"})
    draft.config.max_batch_size = draw(st.sampled_from([9, 2**31 - 1]))


def _most_batches(draw: DrawFn, draft: Draft) -> None:
    _single_named(draft, "batched", {"a": "x"}, {"o": "y"})
    draft.config.max_batch_size = draw(st.integers(1, 8))


def _typed(*data_types: int) -> Change:
    def changed(draw: DrawFn, draft: Draft) -> None:
        tensor = draw(st.sampled_from([draft.config.input[0], draft.config.output[0]]))
        tensor.data_type = draw(st.sampled_from(data_types))

    return changed


def _shaped(*shapes: tuple[int, ...]) -> Change:
    def changed(draw: DrawFn, draft: Draft) -> None:
        tensor = draw(st.sampled_from([draft.config.input[0], draft.config.output[0]]))
        tensor.dims[:] = draw(st.sampled_from(shapes))

    return changed


def _branches(second: str) -> Change:
    def changed(draw: DrawFn, draft: Draft) -> None:
        _single_named(draft, "decoupled", {"a": "x"}, {"o": "p"})
        config = draft.config
        add_step(draft, second, {"a": "x"}, {"o": "q"})
        if draw(st.booleans()):
            add_step(draft, "plain", {"a": "q"}, {"o": "q2"})
        last = "q2" if len(config.ensemble_scheduling.step) == 3 else "q"
        if draw(st.booleans()):
            del config.output[:]
            add_io(draft, "output", "p", last)
            return
        sources = draw(st.permutations(["p", last]))
        add_step(draft, "joining", dict(zip("ab", sources, strict=True)), {"o": "y"})
        del config.output[:]
        add_io(draft, "output", "y")

    return changed


def _joined_from_one(_draw: DrawFn, draft: Draft) -> None:
    _single_named(draft, "decoupled", {"a": "x"}, {"o": "p"})
    add_step(draft, "plain", {"a": "p"}, {"o": "q"})
    add_step(draft, "joining", {"a": "p", "b": "q"}, {"o": "y"})
    del draft.config.output[:]
    add_io(draft, "output", "y")


_PLAIN = _single("plain", {"a": "x"}, {"o": "y"})

PAIRS: dict[str, Pair] = {
    "TRN401": pair(_ON, _other_platform, _nothing),
    "TRN402": pair(_ON, _set(lambda d: d.config.instance_group.add(kind=2)), _nothing),
    "TRN403": pair(_ON, _set(lambda d: d.config.optimization.SetInParent()), _nothing),
    "TRN404": pair(
        _ON,
        _set(lambda d: d.config.model_warmup.add()),
        _set(lambda d: d.config.version_policy.SetInParent()),
    ),
    "TRN405": pair(_ON, _set(lambda d: d.config.ensemble_scheduling.ClearField("step")), _nothing),
    "TRN406": pair(_ON, _step(lambda s: s.ClearField("model_name")), _nested),
    "TRN407": pair(_ON, _step(lambda s: s.input_map.clear()), _nothing),
    "TRN408": pair(_ON, _step(lambda s: s.output_map.clear()), _nothing),
    "TRN409": pair(_ON, _written_twice, _read_twice),
    "TRN410": pair(_ON, _unused_input, _nothing),
    "TRN411": pair(_ON, _unused_output, _nothing),
    "TRN412": pair(_ON, _not_written, _read_twice),
    "TRN413": pair(_ON, _not_read, _read_twice),
    "TRN414": pair(_ON, _set(lambda d: d.config.ClearField("ensemble_scheduling")), _nothing),
    "TRN431": pair(_ON, _unavailable, _nothing),
    "TRN432": pair(_ON, _cycle, _nested),
    "TRN433": pair(_ON, _single("refused_at_load", {"a": "x"}, {"o": "y"}), _nothing),
    "TRN434": pair(_ON, _version(0, 2, 4, -2, 2**40), _version(-1, 1, 3)),
    "TRN435": pair(_ON, _large_batches, _most_batches),
    "TRN436": pair(_ON, _single("plain", {"a": "x", "nobody": "x"}, {"o": "y"}), _PLAIN),
    "TRN437": pair(
        _ON,
        _single("needing_both", {"a": "x"}, {"o": "y"}),
        _single("joining", {"a": "x"}, {"o": "y"}),
    ),
    "TRN438": pair(_ON, _single("plain", {"a": "x"}, {"o": "y", "nobody": "w"}), _PLAIN),
    "TRN439": pair(
        _ON,
        _single("same_outputs", {"a": "x"}, {"o": "y"}),
        _single("joining", {"a": "x", "b": "x"}, {"o": "y"}),
    ),
    "TRN440": pair(_ON, _typed(1, 10, 12, 14), _typed(11)),
    "TRN441": pair(_ON, _shaped((3,), (2, 1), (1, 2), (-1, 2), (1,)), _shaped((2,), (-1,))),
    "TRN442": pair(_ON, _branches("decoupled"), _joined_from_one),
}
