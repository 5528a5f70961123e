"""What a module must answer, and that trying it leaves it as it was."""

# ruff: noqa: D102 - each class says what its forward does

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from packager.architectures.build import build, require_scores
from packager.errors import SpecError
from packager.spec.architecture import LayerSpec, LayersSpec

IMAGE = (1, 8, 8)


class Pair(nn.Module):
    """Scores, and in training mode also what an auxiliary head says."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        scores: Tensor = self.head(x.flatten(1))
        return (scores, scores) if self.training else scores


class Named(nn.Module):
    """A dictionary."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"scores": x.flatten(1), "most": x.amax((1, 2, 3))}


class Chosen(nn.Module):
    """The winning class's number: no scores."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :10].round().long()


class Merged(nn.Module):
    """One row, whatever the batch."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :10].mean(0, keepdim=True)


class Broken(nn.Module):
    """Fails on its own."""

    def forward(self, x: Tensor) -> Tensor:
        message = f"cannot do with {len(x)} images"
        raise KeyError(message)


def refused(module: nn.Module, *, classes: int = 10, training: bool = False) -> SpecError:
    """Return what is said of a module's answers."""
    with pytest.raises(SpecError) as caught:
        require_scores(module, sample_shape=IMAGE, classes=classes, training=training)
    return caught.value


def test_a_head_of_layers_that_does_not_fit_the_classes_is_the_last_layers_fault() -> None:
    """Both counts, and the line to write."""
    layers = (
        LayerSpec(name="Flatten", arguments={}),
        LayerSpec(name="Linear", arguments={"out_features": 9}),
    )
    error = refused(build(LayersSpec(layers=layers), sample_shape=IMAGE, classes=10))
    assert error.where == "architecture.layers[1]"
    assert error.problem == "the last layer gives [9]; the data have 10 classes"
    assert error.remedy == "end with Linear: {out_features: 10}"


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (nn.Flatten(), "float32 [2, 64]"),
        (Named(), "a dict of scores, most"),
        (Chosen(), "int64 [2, 10]"),
        (Merged(), "float32 [1, 10]"),
    ],
)
def test_another_answer_than_a_score_a_class_is_told(module: nn.Module, told: str) -> None:
    """What it is, beside what is expected."""
    error = refused(module)
    assert error.where == "architecture"
    assert told in error.problem
    assert "10 classes" in error.problem
    assert "[2, 10]" in error.problem


def test_the_number_of_classes_is_the_remedy_for_a_wrong_head() -> None:
    """An argument of the user's class."""
    assert "architecture.arguments to 10" in refused(nn.Flatten()).remedy
    assert "dataset=none trainer=none" in refused(Named()).remedy


def test_answers_in_training_mode_count_only_for_training() -> None:
    """A tuple there is no harm to a module that is packaged as it is."""
    require_scores(Pair(), sample_shape=IMAGE, classes=10)
    assert (
        "in training mode the module gives a tuple of 2" in refused(Pair(), training=True).problem
    )


def test_a_module_that_fails_is_told_with_its_line() -> None:
    """The user's own line, not torch's."""
    error = refused(Broken())
    assert "KeyError: 'cannot do with 2 images'" in error.problem
    assert f"{__file__}:" in error.problem


def test_a_module_that_does_not_take_the_images_is_told() -> None:
    """With the shape."""
    assert "does not take a sample of shape [1, 8, 8]" in refused(nn.Linear(3, 10)).problem


def test_trying_a_module_leaves_it_as_it_was() -> None:
    """Weights, batch statistics, every part's own mode, and torch's generator."""
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten())
    module.train()
    module[1].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    generator = torch.get_rng_state()
    with pytest.raises(SpecError):
        require_scores(module, sample_shape=IMAGE, classes=10, training=True)
    require_scores(module, sample_shape=IMAGE, classes=144, training=True)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert [part.training for part in module] == [True, False, True, True]
    assert torch.equal(torch.get_rng_state(), generator)


def test_layers_need_an_input_to_follow() -> None:
    """Without data the recipe's own input tells the shape."""
    layers = (LayerSpec(name="ReLU", arguments={}),)
    with pytest.raises(SpecError) as caught:
        build(LayersSpec(layers=layers), sample_shape=None, classes=None)
    assert caught.value.where == "inputs"
