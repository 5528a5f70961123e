"""Values of a recipe are text in what is written of it, whatever they hold: no field, no line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.errors import SpecError
from packager.model_config.compare import expected_config
from packager.model_config.parse import parse
from packager.model_config.render import render
from packager.repository.layout import ModelPaths
from packager.spec.serving import HostSpec, InstanceGroupSpec, InstanceKind, VersionPolicySpec
from packager.spec.serving import VersionPolicyKind as Kind
from packager.tasks.candidate import write_texts
from packager.tasks.rendering import rendered

from .composing import recipe
from .specs import HOSTILE_TEXTS, recipes, tensor, with_tensors

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe

HOSTILE = (
    *HOSTILE_TEXTS,
    "' } parameters { key: 'FORCE_CPU_ONLY_INPUT_TENSORS' value { string_value: 'x' } } #",
    '"\nbackend: "python"\n#',
    "a\rb",
    "a\x85b",
    "a\x0bb\x0cc",
    "%}{{ [].__class__ }}{#",
    "\\",
    "\\n",
    "\\377",
    "../../etc",
    "$(id)`id`",
    "${oc.env:HOME}",
    "\u202egnirts",
    "\x00",
)
texts = st.sampled_from(HOSTILE) | st.text(min_size=1)
names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,20}", fullmatch=True)


@st.composite
def policies(draw: st.DrawFn) -> VersionPolicySpec:
    """Any version policy."""
    kind = draw(st.sampled_from(Kind))
    number = draw(st.integers(1, 9)) if kind is Kind.latest else 1
    versions = (
        draw(st.lists(st.integers(1, 2**63 - 1), max_size=3)) if kind is Kind.specific else []
    )
    return VersionPolicySpec(kind=kind, num_versions=number, versions=tuple(versions))


@st.composite
def hostile_recipes(draw: st.DrawFn) -> Recipe:
    """Any valid recipe with free text wherever text is free, with hosts, labels and a policy."""
    made = draw(recipes())
    classes = draw(st.lists(texts.filter(_is_class), min_size=2, max_size=4, unique=True))
    groups = st.builds(InstanceGroupSpec, kind=st.sampled_from(InstanceKind))
    hosts = draw(st.lists(st.builds(HostSpec, name=names, instance_group=groups), max_size=2))
    serving = replace(made.serving, hosts=tuple(hosts), version_policy=draw(policies()))
    assert made.dataset is not None
    dataset = replace(made.dataset, classes=tuple(classes))
    scores = tensor(draw(texts.filter(lambda name: name not in _names(made))), len(classes))
    return replace(made, serving=serving, dataset=dataset, outputs=(*made.outputs, scores))


def _names(made: Recipe) -> set[str]:
    return {one.name for one in (*made.inputs, *made.outputs)}


def _is_class(name: str) -> bool:
    return bool(name.strip()) and name.isprintable()


@given(made=hostile_recipes(), version=st.integers(1, 2**63 - 1))
def test_a_config_is_the_message_that_the_recipe_asks_for(made: Recipe, version: int) -> None:
    """Exactly: not a field more, in the model's own config and in those of its hosts."""
    config = parse(render(made, version=version))
    config.ClearField("version_policy")
    expected = expected_config(made)
    expected.ClearField("version_policy")
    assert config == expected
    assert parse(render(made)) == expected_config(made)
    for host in made.serving.hosts:
        assert parse(render(made.on(host))) == expected_config(made.on(host))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_tensor_stays_a_name(text: str) -> None:
    """In every place that has one."""
    made = with_tensors([tensor(text, 4), tensor("x", 4)], [tensor(f"{text}_", 3)])
    config = parse(render(made))
    assert config == expected_config(made)
    assert [one.name for one in (*config.input, *config.output)] == [text, "x", f"{text}_"]


@given(classes=st.lists(texts, min_size=1, max_size=5, unique=True))
def test_labels_are_one_a_line_or_refused(
    classes: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever counts as the end of a line, to Triton, to Python, to an editor."""
    made = with_tensors([tensor("x", 4)], [tensor("y", len(classes))])
    assert made.dataset is not None
    try:
        labelled = replace(made, dataset=replace(made.dataset, classes=tuple(classes)))
    except SpecError:
        assert not all(map(_is_class, classes))
        return
    assert all(map(_is_class, classes))
    model = ModelPaths(tmp_path_factory.mktemp("labels"))
    write_texts(model, rendered(labelled).value)
    text = model.labels.read_text()
    assert text.splitlines() == text.split("\n")[:-1] == classes


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_a_label_with_the_end_of_a_line_is_refused(end: str) -> None:
    """It would move all labels after it."""
    made = recipe("model=fashion_cnn")
    assert made.dataset is not None
    with pytest.raises(SpecError) as caught:
        replace(made.dataset, classes=("bag", f"shirt{end}coat"))
    assert caught.value.where == "dataset.classes[1]"


@given(name=texts)
def test_a_models_name_is_one_safe_part_of_a_path_or_refused(name: str) -> None:
    """And comes back from the config."""
    made = recipe("model=fashion_cnn")
    try:
        named = replace(made, name=name)
    except SpecError:
        device = re.match(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", name)
        plain = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", name)
        assert device or plain is None or ".." in name or name.endswith(".")
        return
    assert Path(name).parts == (name,)
    assert name.isascii()
    assert not {*name} & {*" /\\\0\n"}
    assert parse(render(named)).name == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "/", "a b", "a\n", "\na", "a\0", "-a", ".a", "ä", "a" * 129],
)
def test_an_unsafe_name_of_a_model_or_a_host_is_refused(name: str) -> None:
    """Both become parts of paths."""
    with pytest.raises(SpecError):
        replace(recipe("model=fashion_cnn"), name=name)
    with pytest.raises(SpecError):
        HostSpec(name=name, instance_group=InstanceGroupSpec(kind=InstanceKind.KIND_CPU))


@given(host=texts)
def test_a_hosts_config_stays_in_its_folder_or_is_refused(host: str) -> None:
    """Whatever the host is called."""
    try:
        HostSpec(name=host, instance_group=InstanceGroupSpec(kind=InstanceKind.KIND_CPU))
    except SpecError:
        return
    model = ModelPaths(Path("/models/m"))
    assert model.host_config(host).parent == model.configs


@pytest.mark.parametrize("text", ["\ud800", "a\udcff"])
def test_a_tensor_that_utf_8_cannot_name_is_refused(text: str) -> None:
    """Half of a surrogate pair, as of bytes on a command line that are no UTF-8."""
    with pytest.raises(SpecError, match="no name that UTF-8 can write"):
        tensor(text, 4)
