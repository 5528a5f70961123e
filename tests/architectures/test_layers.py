"""Layer lists become modules: shapes, inferred sizes, parameters, and layers that do not fit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from packager.architectures.layers import (
    _kind,
    build_sequential,
    layers,
    peak_bytes,
    place,
)
from packager.errors import SpecError
from packager.spec.architecture import LayerSpec, LayersSpec
from tests.model_config.composing import recipe

IMAGE = (1, 28, 28)


def layer(name: str, **arguments: object) -> LayerSpec:
    """Return a layer by name and arguments."""
    return LayerSpec(name=name, arguments=arguments)


def stack(*specs: LayerSpec) -> LayersSpec:
    """Return layers as an architecture."""
    return LayersSpec(layers=specs)


def shipped(name: str) -> LayersSpec:
    """Return a shipped architecture."""
    architecture = recipe("model=fashion_cnn", f"architecture={name}").architecture
    assert isinstance(architecture, LayersSpec)
    return architecture


def fashion_by_hand() -> nn.Sequential:
    """Write the tutorial's Fashion-MNIST model in torch, every size given."""
    return nn.Sequential(
        nn.Conv2d(1, 25, 3),
        nn.BatchNorm2d(25),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(25, 50, 3),
        nn.BatchNorm2d(50),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1250, 1024),
        nn.ReLU(),
        nn.Linear(1024, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def mnist_by_hand() -> nn.Sequential:
    """Write the tutorial's MNIST model in torch, every size given."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 22 * 22, 10),
    )


BY_HAND = {"fashion_cnn": fashion_by_hand, "mnist_cnn": mnist_by_hand}


def test_the_fashion_architecture_has_the_tutorials_shapes() -> None:
    """25x26x26 behind the first convolution, 1250 in front of the linear layers."""
    shapes = [step.output_shape for step in place(shipped("fashion_cnn"), sample_shape=IMAGE)]
    assert shapes == [
        *[(25, 26, 26)] * 3,
        (25, 13, 13),
        *[(50, 11, 11)] * 3,
        (50, 5, 5),
        (1250,),
        *[(1024,)] * 2,
        *[(128,)] * 2,
        (10,),
    ]


def test_the_mnist_architecture_has_the_tutorials_shapes() -> None:
    """64 * 22 * 22 = 30976 in front of the linear layer."""
    shapes = [step.output_shape for step in place(shipped("mnist_cnn"), sample_shape=IMAGE)]
    assert shapes == [
        *[(32, 26, 26)] * 2,
        *[(64, 24, 24)] * 2,
        *[(64, 22, 22)] * 2,
        (30976,),
        (10,),
    ]


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_a_shipped_architecture_is_the_module_written_by_hand(name: str) -> None:
    """The same weights by name and shape, the same count, and the same answers with them."""
    module, by_hand = build_sequential(shipped(name), sample_shape=IMAGE), BY_HAND[name]()
    shapes = {key: value.shape for key, value in module.state_dict().items()}
    assert shapes == {key: value.shape for key, value in by_hand.state_dict().items()}
    counted = sum(parameter.numel() for parameter in by_hand.parameters())
    placed = place(shipped(name), sample_shape=IMAGE)
    assert sum(step.parameters for step in placed) == counted
    by_hand.load_state_dict(module.state_dict())
    images = torch.rand(3, *IMAGE)
    with torch.inference_mode():
        assert torch.equal(module.eval()(images), by_hand.eval()(images))


def test_the_seed_decides_the_initial_weights() -> None:
    """Following shapes draws nothing from torch's generator."""
    torch.manual_seed(7)
    built = build_sequential(shipped("fashion_cnn"), sample_shape=IMAGE).state_dict()
    torch.manual_seed(7)
    by_hand = fashion_by_hand().state_dict()
    assert all(torch.equal(built[key], by_hand[key]) for key in by_hand)


@pytest.mark.parametrize(
    ("spec", "shape", "argument", "size"),
    [
        (layer("Conv2d", out_channels=4, kernel_size=3), (3, 8, 8), "in_channels", 3),
        (layer("Conv1d", out_channels=4, kernel_size=3), (5, 8), "in_channels", 5),
        (layer("ConvTranspose2d", out_channels=4, kernel_size=3), (3, 8, 8), "in_channels", 3),
        (layer("BatchNorm2d"), (6, 8, 8), "num_features", 6),
        (layer("BatchNorm1d"), (6,), "num_features", 6),
        (layer("InstanceNorm2d"), (6, 8, 8), "num_features", 6),
        (layer("GroupNorm", num_groups=2), (6, 8, 8), "num_channels", 6),
        (layer("Linear", out_features=4), (9,), "in_features", 9),
        (layer("Linear", out_features=4), (2, 9), "in_features", 9),
        (layer("LayerNorm"), (2, 9), "normalized_shape", [2, 9]),
    ],
)
def test_a_size_left_out_follows_from_the_input(
    spec: LayerSpec, shape: tuple[int, ...], argument: str, size: object
) -> None:
    """Channels, features, and the shape to normalise; the real module takes such an input."""
    (step,) = place(stack(spec), sample_shape=shape)
    assert step.arguments[argument] == size
    answer = build_sequential(stack(spec), sample_shape=shape).eval()(torch.rand(2, *shape))
    assert answer.shape == (2, *step.output_shape)


def test_a_size_given_right_is_taken_and_given_wrong_is_refused() -> None:
    """The error says what the input has."""
    right = layer("Linear", in_features=784, out_features=10)
    assert place(stack(layer("Flatten"), right), sample_shape=IMAGE)[-1].output_shape == (10,)
    wrong = layer("Linear", in_features=785, out_features=10)
    with pytest.raises(SpecError, match="is 785, but its input has 784") as caught:
        place(stack(layer("Flatten"), wrong), sample_shape=IMAGE)
    assert caught.value.where == "architecture.layers[1]"
    assert "leave in_features out" in caught.value.remedy


@pytest.mark.parametrize(
    ("spec", "problem", "remedy"),
    [
        (layer("Conv2D"), "no layer 'Conv2D'", "write Conv2d"),
        (layer("Zzz"), "no layer 'Zzz'", "the layers are "),
        (layer("Bilinear"), "no layer 'Bilinear'", ""),
        (layer("LazyLinear", out_features=3), "no layer", ""),
        (layer("Sequential"), "no layer", ""),
        (layer("Module"), "no layer", ""),
        (layer("functional"), "no layer", ""),
        (layer("Linear", outs=3), "no argument 'outs'", "in_features, out_features, bias"),
        (layer("Linear", out_features=3, device="cuda"), "no argument 'device'", ""),
        (layer("Linear"), "cannot be made", "out_features"),
        (layer("Linear", out_features=-1), "cannot be made", ""),
        (layer("Linear", out_features="ten"), "cannot be made", ""),
        (layer("Dropout", p=2), "cannot be made", ""),
        (layer("GroupNorm", num_groups=3), "must be divisible", ""),
        (layer("GroupNorm", num_groups=0), "", ""),
        (layer("PixelShuffle", upscale_factor=0), "", ""),
        (layer("Conv2d", out_channels=2, kernel_size=3, stride=0), "", ""),
        (layer("Hardtanh", min_val=2, max_val=1), "", ""),
        (layer("BatchNorm1d"), "does not fit its input of shape [1, 28, 28]", ""),
        (layer("MaxPool2d", kernel_size=40), "does not fit", "the dims of the input"),
        (layer("Conv2d", out_channels=2, kernel_size=29), "does not fit", ""),
        (layer("Softmax", dim=7), "", ""),
        (layer("Flatten", start_dim=0), "keep the batch dimension first", ""),
        (layer("AdaptiveMaxPool2d", output_size=2, return_indices=True), "batch dimension", ""),
    ],
    ids=lambda value: (
        f"{value.name}{dict(value.arguments)}" if isinstance(value, LayerSpec) else ""
    ),
)
def test_a_wrong_layer_is_named_by_its_index(spec: LayerSpec, problem: str, remedy: str) -> None:
    """With what is wrong and what to write; never another exception."""
    with pytest.raises(SpecError) as caught:
        place(stack(layer("Identity"), spec), sample_shape=IMAGE)
    assert caught.value.where == "architecture.layers[1]"
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("name", sorted(layers()))
def test_every_layer_listed_can_be_looked_up(name: str) -> None:
    """It is torch's layer of that name, or ours."""
    kind = _kind(name, where="")
    assert issubclass(kind, nn.Module)
    if name != "GlobalAvgPool2d":
        assert kind is getattr(nn, name)


def test_the_layers_of_ordinary_networks_are_there() -> None:
    """And none that takes or gives something else than one tensor."""
    names = set(layers())
    assert {"Conv2d", "BatchNorm2d", "ReLU", "GELU", "MaxPool2d", "AdaptiveAvgPool2d"} <= names
    assert {"Flatten", "Linear", "Dropout", "LayerNorm", "GroupNorm", "Upsample"} <= names
    assert not names & {"LSTM", "Transformer", "Bilinear", "MultiheadAttention", "MaxUnpool2d"}


def test_global_pooling_is_the_mean_over_height_and_width() -> None:
    """[N, C, H, W] to [N, C], whatever the size."""
    (step,) = place(stack(layer("GlobalAvgPool2d")), sample_shape=(6, 5, 7))
    assert step.output_shape == (6,)
    images = torch.rand(2, 6, 5, 7)
    answer = build_sequential(stack(layer("GlobalAvgPool2d")), sample_shape=(6, 5, 7))(images)
    assert torch.allclose(answer, images.flatten(2).mean(2))


def test_flatten_keeps_the_batch() -> None:
    """One row a sample, in the order of memory."""
    images = torch.arange(24.0).reshape(2, 3, 2, 2)
    flat = build_sequential(stack(layer("Flatten")), sample_shape=(3, 2, 2))(images)
    assert torch.equal(flat, images.reshape(2, 12))


def test_lists_in_yaml_are_torchs_tuples() -> None:
    """A kernel of two sizes."""
    spec = stack(layer("Conv2d", out_channels=2, kernel_size=[1, 3], padding=[0, 1]))
    assert place(spec, sample_shape=IMAGE)[0].output_shape == (2, 28, 28)
    assert build_sequential(spec, sample_shape=IMAGE)[0].kernel_size == (1, 3)


def test_following_shapes_costs_no_memory() -> None:
    """A layer of four terabytes is placed without being made."""
    (step,) = place(stack(layer("Linear", out_features=10**9)), sample_shape=(1000,))
    assert step.parameters == 1001 * 10**9


def test_the_widest_layer_says_how_much_a_sample_needs() -> None:
    """Its input and its output, as float32: here 25 x 26 x 26 twice."""
    placed = place(shipped("fashion_cnn"), sample_shape=(1, 28, 28))
    assert peak_bytes(placed, sample_shape=(1, 28, 28)) == 4 * 2 * 25 * 26 * 26


def test_a_stack_without_sizes_of_its_own_takes_images_of_any_size() -> None:
    """-1 in the dims: convolutions and a global mean do not depend on height and width."""
    spec = stack(
        layer("Conv2d", out_channels=4, kernel_size=3),
        layer("GlobalAvgPool2d"),
        layer("Linear", out_features=10),
    )
    module = build_sequential(spec, sample_shape=(3, -1, -1)).eval()
    assert module(torch.rand(2, 3, 9, 70)).shape == (2, 10)


def test_a_size_that_follows_from_a_varying_one_is_refused() -> None:
    """Flatten of any height and width has no one number of features."""
    spec = stack(layer("ReLU"), layer("Flatten"), layer("Linear", out_features=10))
    with pytest.raises(SpecError, match="of which -1 varies") as caught:
        build_sequential(spec, sample_shape=(3, -1, 8))
    assert caught.value.where == "architecture.layers[2]"
    assert "fixed dims" in caught.value.remedy
