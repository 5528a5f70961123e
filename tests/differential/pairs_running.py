"""Pairs about instance groups, versions and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.differential import valid_models
from tests.differential.pairs import Pair, pair

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from tests.differential.draft import Draft
    from tests.differential.pairs import Change

_ON = valid_models.with_tensors(inputs=0)
_AUTO, _GPU, _CPU, _MODEL = range(4)


@st.composite
def _tensorrt(draw: DrawFn) -> Draft:
    draft = draw(_ON)
    draft.config.platform, draft.config.backend = draw(
        st.sampled_from([("tensorrt_plan", ""), ("tensorrt_plan", "tensorrt"), ("", "tensorrt")])
    )
    return draft


@st.composite
def _custom(draw: DrawFn) -> Draft:
    draft = draw(_ON)
    draft.config.platform, draft.config.backend = draw(
        st.sampled_from([("", "custom"), ("some", "custom"), ("pytorch_libtorch", "")])
    )
    return draft


def _group(kinds: Sequence[int], gpus: SearchStrategy[list[int]]) -> Change:
    """Return the change that adds a group of one of the kinds, after a valid one sometimes."""

    def changed(draw: DrawFn, draft: Draft) -> None:
        if draw(st.booleans()):
            draft.config.instance_group.add(kind=_CPU, name=draw(st.sampled_from(["", "first"])))
        draft.config.instance_group.add(
            kind=draw(st.sampled_from(kinds)),
            name=draw(st.sampled_from(["", "group"])),
            count=draw(st.integers(0, 1)),
            gpus=draw(gpus),
        )

    return changed


_NO_GPUS = st.just(list[int]())
_SOME_GPUS = st.lists(st.integers(-1, 3), min_size=1, max_size=2)


def _profile(*profiles: str) -> Change:
    def changed(draw: DrawFn, draft: Draft) -> None:
        wanted = [draw(st.sampled_from(profiles))]
        if draw(st.booleans()):
            wanted.insert(0, "0")
        draft.config.instance_group.add(kind=_CPU, profile=wanted)

    return changed


_RIGHT_PROFILE = _profile("0", "7", " 1", "+2", "3x", "0x1", "007", "2147483647", "-0")


def _versions(change: Callable[[DrawFn, Draft], None]) -> Change:
    def changed(draw: DrawFn, draft: Draft) -> None:
        draft.files.clear()
        change(draw, draft)
        draft.files.setdefault("x/", b"")

    return changed


def _none_served(draw: DrawFn, draft: Draft) -> None:
    policy, names = draw(
        st.sampled_from(
            [
                ("latest { num_versions: 0 }", ["1"]),
                ("latest { num_versions: 1 }", ["01", "one"]),
                ("all {}", ["warmup", "configs", "initial_state"]),
                ("specific { versions: [2] }", ["1"]),
                ("specific { versions: [1] }", ["01", "2"]),
                ("specific {}", ["1"]),
                ("", ["v1"]),
                ("latest {}", ["1", "2"]),
            ]
        )
    )
    _serve(draft, policy, names)


def _one_served(draw: DrawFn, draft: Draft) -> None:
    policy, names = draw(
        st.sampled_from(
            [
                ("latest { num_versions: 1 }", ["01", "1"]),
                ("all {}", ["3.bak"]),
                ("specific { versions: [2, 1] }", ["1"]),
                ("specific { versions: [2, 2] }", ["1"]),
                ("specific { versions: [0] }", ["0"]),
                ("specific { versions: [-4] }", ["-4"]),
                ("", ["9223372036854775807"]),
                ("", ["+3"]),
            ]
        )
    )
    _serve(draft, policy, names)


def _serve(draft: Draft, policy: str, names: list[str]) -> None:
    draft.text = str(draft.config) + (f"version_policy {{ {policy} }}" if policy else "")
    draft.files |= {f"{name}/": b"" for name in names}


def _large_version(draw: DrawFn, draft: Draft) -> None:
    large = st.sampled_from([2**63, -(2**63) - 1, 10**30])
    draft.files |= {"1/": b"", f"{draw(large)}{draw(st.sampled_from(['', 'x']))}/": b""}


def _largest_version(draw: DrawFn, draft: Draft) -> None:
    name = draw(st.sampled_from([f"{2**63 - 1}", f"0{2**63}", f"x{2**63}", f"{-(2**63)}"]))
    draft.files |= {"1/": b"", f"{name}/": b""}


def _label(change: Callable[[DrawFn, Draft, Any], None]) -> Change:
    def changed(draw: DrawFn, draft: Draft) -> None:
        change(draw, draft, draw(st.sampled_from(list(draft.config.output))))

    return changed


def _missing_label(draw: DrawFn, _draft: Draft, output: Any) -> None:
    output.label_filename = draw(
        st.sampled_from(["none", "1/labels", "../none", "/etc/passwd", "no/../labels"])
    )


def _present_label(draw: DrawFn, draft: Draft, output: Any) -> None:
    name = draw(st.sampled_from(["labels", "1/labels", "a b", "deep/er/labels"]))
    output.label_filename = draw(st.sampled_from(["", "/", "./", "1/../"])) + name
    draft.files[name] = draw(st.binary(max_size=20))


def _label_folder(draw: DrawFn, draft: Draft, output: Any) -> None:
    draft.files["labels/file"] = b""
    output.label_filename = draw(st.sampled_from(["labels", "1", "labels/", "/1", ".", "1/.."]))


def _tag(*keys: str) -> Change:
    def changed(draw: DrawFn, draft: Draft) -> None:
        draft.config.metric_tags[draw(st.sampled_from(keys))] = draw(st.sampled_from(["", "é\n"]))

    return changed


PAIRS: dict[str, Pair] = {
    "TRN501": pair(_ON, _group([_MODEL], _SOME_GPUS), _group([_MODEL], _NO_GPUS)),
    "TRN502": pair(_ON, _group([_CPU, _AUTO], _SOME_GPUS), _group([_CPU, _AUTO], _NO_GPUS)),
    "TRN503": pair(_ON, _group([_GPU], _NO_GPUS), _group([_AUTO], _NO_GPUS)),
    "TRN504": pair(_ON, _group([_GPU], _SOME_GPUS), _group([_MODEL], _NO_GPUS)),
    "TRN505": pair(_ON, _group([4, 9, -1], _NO_GPUS), _group([_AUTO, _MODEL], _NO_GPUS)),
    "TRN506": pair(_custom(), _profile("0", "", "x", "-1"), _group([_CPU], _NO_GPUS)),
    "TRN507": pair(_tensorrt(), _profile(""), _RIGHT_PROFILE),
    "TRN508": pair(_tensorrt(), _profile("x", " ", "-", "x1", "--1", "é"), _RIGHT_PROFILE),
    "TRN509": pair(_tensorrt(), _profile("-1", " -2", "-3x", "-2147483648"), _RIGHT_PROFILE),
    "TRN513": pair(
        _tensorrt(), _profile("2147483648", "-2147483649", "99999999999x"), _RIGHT_PROFILE
    ),
    "TRN626": pair(
        _ON, _tag("a-b", "_a", "__a", "a:b", "é", " ", "a b", "_"), _tag("", "9", "a_", "A1", "le")
    ),
    "TRN701": pair(_ON, _versions(_none_served), _versions(_one_served)),
    "TRN706": pair(_ON, _versions(_large_version), _versions(_largest_version)),
    "TRN722": pair(_ON, _label(_missing_label), _label(_present_label)),
    "TRN724": pair(_ON, _label(_label_folder), _label(_present_label)),
}
