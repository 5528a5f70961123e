"""Every YAML of `conf/` composes, and a choice arrives whole whatever recipe it goes with."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from packager.architectures.build import build, require_scores
from packager.architectures.layers import place
from packager.command_line.help import GROUPS
from packager.errors import SpecError
from packager.resolve.job import to_spec
from packager.resources import folder
from packager.spec.architecture import TorchScriptSpec
from packager.tasks import preflight

from .model_config.composing import compose, job, layers

CONF = folder("conf")
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
CHOICES = sorted(
    f"{path.parent.relative_to(CONF)}={path.stem}"
    for path in CONF.rglob("*.yaml")
    if path.parent not in (CONF, CONF / "model") and CONF / "hydra" not in path.parents
)
"""Each choice of a group of ours; those below `hydra/` are for Hydra itself."""

OPEN = {
    *(f"dataset={name}" for name in ("idx", "image_folder", "none", "npz", "torchvision")),
    *(f"architecture={name}" for name in ("module_class", "torchscript", "torchvision")),
    "task=leaderboard",
}
"""Choices that are about something of the user's own, which must be given too."""

LAYER_LISTS = [f"architecture={name}" for name in ("fashion_cnn", "mnist_cnn")]


def _key(choice: str) -> str:
    """Return where a choice's group lies in the configuration."""
    return choice.partition("=")[0].replace("/", ".")


def _own_values(choice: str) -> Any:
    """Return what a choice's file itself says, its defaults list aside."""
    group, name = choice.split("=")
    values: Any = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml"))
    values.pop("defaults", None)
    return values


def _node(config: Any, choice: str) -> Any:
    """Return the values of a choice's group in a composed configuration."""
    node = OmegaConf.select(config, _key(choice))
    return OmegaConf.to_container(node, enum_to_str=True)


def _lost(said: Any, arrived: Any, *, key: str) -> list[str]:
    """Return the keys whose value did not arrive as the file says it."""
    if isinstance(said, dict) and isinstance(arrived, dict):
        return [
            lost
            for name, value in said.items()
            for lost in _lost(value, arrived.get(name, "nothing"), key=f"{key}.{name}")
        ]
    if isinstance(said, list) and isinstance(arrived, list) and len(said) == len(arrived):
        return [
            lost
            for index, (one, other) in enumerate(zip(said, arrived, strict=True))
            for lost in _lost(one, other, key=f"{key}[{index}]")
        ]
    same = type(said) is type(arrived) and said == arrived
    return [] if same else [f"{key}: {said!r} became {arrived!r}"]


def _yaml(model: str) -> Any:
    return yaml.safe_load((CONF / "model" / f"{model}.yaml").read_text())


def _together() -> list[tuple[str, ...]]:
    """Return sets of choices, one of each group, in which every choice comes once at least.

    The groups inside `serving` are parts of it, so that their choices go without one of those.
    """
    groups = sorted({choice.split("=")[0] for choice in CHOICES})
    of = {group: [one for one in CHOICES if one.split("=")[0] == group] for group in groups}
    inner = [*of.pop("serving/instance_group"), *of.pop("serving/hosts")]
    most = max(map(len, of.values()))
    together = [tuple(of[group][turn % len(of[group])] for group in of) for turn in range(most)]
    return [*together, *((choice,) for choice in inner)]


def test_the_listing_found_every_group() -> None:
    """A renamed folder must not make the tests below pass on nothing."""
    groups = {choice.split("=")[0] for choice in CHOICES}
    own = {group for group in GROUPS if not group.startswith("hydra/")}
    assert own - {"model"} <= groups
    assert {"fashion_cnn", "mnist_cnn"} <= set(MODELS)


@pytest.mark.parametrize("choices", _together(), ids=",".join)
@pytest.mark.parametrize("model", MODELS)
def test_choices_arrive_whole_in_both_orders(model: str, choices: tuple[str, ...]) -> None:
    """Neither the recipe nor the order on the command line changes a value of a choice."""
    made = [compose(f"model={model}", *choices), compose(*choices, f"model={model}")]
    for choice in choices:
        alone = _node(compose(choice), choice)
        assert _lost(_own_values(choice), alone, key=choice) == []
        assert [_node(config, choice) for config in made] == [alone, alone], choice


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_lacks_only_values_of_its_own_group(choice: str) -> None:
    """With a recipe, every choice is a whole job or says which of its own values to give."""
    config = compose("model=fashion_cnn", choice)
    missing = sorted(OmegaConf.missing_keys(config))
    if choice not in OPEN and not missing:
        assert to_spec(config).recipe is not None
        return
    with pytest.raises(SpecError) as caught:
        to_spec(config)
    assert f"{caught.value.where}.".startswith(f"{_key(choice)}.")
    assert all(key.startswith(f"{_key(choice)}.") for key in missing)


@pytest.mark.parametrize("model", MODELS)
def test_a_recipe_alone_is_a_whole_job(model: str) -> None:
    """Name, tensors, data and module are there, and the module gives one score a class."""
    recipe = job(f"model={model}").require_recipe()
    assert recipe.name == model
    shape, classes = recipe.inputs[0].dims, len(recipe.classes)
    assert recipe.outputs[0].dims == (classes,)
    assert not isinstance(recipe.architecture, TorchScriptSpec)
    module = build(recipe.architecture, sample_shape=shape, classes=classes)
    require_scores(module, sample_shape=shape, classes=classes)


@pytest.mark.parametrize("model", MODELS)
def test_a_recipe_takes_the_pixels_that_its_export_says(model: str) -> None:
    """Preflight finds no contradiction between its tensors and its choices."""
    preflight.require_scores(job(f"model={model}").require_recipe())


@pytest.mark.parametrize("model", MODELS)
def test_a_recipe_sets_no_value_inside_a_group(model: str) -> None:
    """Such a value would silently beat a choice on the command line."""
    assert set(_yaml(model)) <= {"defaults", "name", "inputs", "outputs"}


@pytest.mark.parametrize("model", MODELS)
def test_a_recipe_only_overrides_groups(model: str) -> None:
    """Its defaults list picks choices; it is global, and says in a line what it is."""
    assert all(key.startswith("override /") for item in _yaml(model)["defaults"] for key in item)
    first, second = (CONF / "model" / f"{model}.yaml").read_text().splitlines()[:2]
    assert first == "# @package _global_"
    assert second.startswith("# ")


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_starts_from_a_schema(choice: str) -> None:
    """Without it a misspelt key would go unnoticed; or it consists of choices that do."""
    group, name = choice.split("=")
    content = yaml.safe_load((CONF / group / f"{name}.yaml").read_text())
    if group == "serving/hosts":
        assert list(content) == ["defaults"]
        assert all("/serving/instance_group@" in str(one) for one in content["defaults"])
        return
    assert str(content["defaults"][0]).startswith("/schema/")


@pytest.mark.parametrize(
    "overrides",
    [
        ("model=fashion_cnn", "trainer=tutorial_sgd", "trainer.epochs=7"),
        ("trainer.epochs=7", "trainer=tutorial_sgd", "model=fashion_cnn"),
    ],
)
def test_a_value_on_the_command_line_beats_recipe_and_group(overrides: tuple[str, ...]) -> None:
    """Wherever it stands; the group's other values stay."""
    trainer = compose(*overrides).trainer
    assert (trainer.epochs, trainer.batch_size) == (7, 256)


def test_an_instance_group_goes_with_any_serving() -> None:
    """The nested group is chosen by itself."""
    config = compose("serving/instance_group=gpu", "model=mnist_cnn", "serving=unbatched")
    assert (config.serving.max_batch_size, config.serving.batch_dim) == (0, -1)
    assert config.serving.instance_group.kind.value == "KIND_GPU"


@pytest.mark.parametrize(
    ("choice", "default"),
    [
        ("trainer=default", "trainer"),
        ("serving=batched", "serving"),
        ("serving/instance_group=cpu", "serving.instance_group"),
        ("server=auto", "server"),
        ("task=build", "task"),
    ],
)
def test_nothing_chosen_is_the_default(choice: str, default: str) -> None:
    """A recipe without more on the command line takes these."""
    node = OmegaConf.select(compose("model=fashion_cnn"), default)
    assert node == OmegaConf.select(compose(choice), default)


def test_without_a_recipe_there_is_none() -> None:
    """Tasks on a repository need no model."""
    assert job("task=plan").recipe is None


def test_an_external_server_needs_its_address() -> None:
    """The missing value is named, with an example of it."""
    with pytest.raises(SpecError) as caught:
        job("model=fashion_cnn", "server=external")
    assert caught.value.where == "server.url"
    assert "server.url=127.0.0.1:8000" in caught.value.remedy


def test_every_recipe_fits_an_architecture() -> None:
    """Each shipped architecture takes each recipe's images: choosing one is no dead end."""
    for choice in LAYER_LISTS:
        for model in MODELS:
            recipe = job(f"model={model}", choice).require_recipe()
            placed = place(layers(f"model={model}", choice), sample_shape=recipe.inputs[0].dims)
            assert placed[-1].output_shape == (10,), (model, choice)
