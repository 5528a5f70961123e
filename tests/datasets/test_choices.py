"""The datasets under conf/, from the command line's words to a spec."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from packager import schema
from packager.errors import SpecError
from packager.resolve.dataset import dataset_spec
from packager.spec.dataset import DataFormat, DatasetSpec, SourceKind
from tests.model_config.composing import compose


def _spec(*overrides: str) -> DatasetSpec:
    config = OmegaConf.to_object(compose(*overrides).dataset)
    assert isinstance(config, schema.DatasetConfig)
    spec = dataset_spec(config)
    assert spec is not None
    for source in spec.sources:
        source.require_every_role()
    return spec


@pytest.mark.parametrize(
    ("choice", "origin", "classes"),
    [
        ("cifar10", "CIFAR10", 10),
        ("cifar100", "CIFAR100", 100),
        ("emnist_letters", "EMNIST", 26),
        ("kmnist", "KMNIST", 10),
        ("svhn", "SVHN", 10),
    ],
)
def test_a_torchvision_dataset_is_chosen_by_name(choice: str, origin: str, classes: int) -> None:
    """With its class, its arguments and the names of its classes."""
    spec = _spec(f"dataset={choice}")
    (source,) = spec.sources
    assert (source.kind, source.origin) == (SourceKind.torchvision, origin)
    assert source.format is DataFormat.torchvision
    assert len(spec.classes) == classes
    assert source.arguments == ({"split": "letters"} if choice == "emnist_letters" else {})


def test_any_torchvision_dataset_is_given_on_the_command_line() -> None:
    """Its class, and what the class wants to know."""
    spec = _spec("dataset=torchvision", "dataset.torchvision=EMNIST",
                 "+dataset.arguments.split=digits")  # fmt: skip
    assert spec.sources[0].origin == "EMNIST"
    assert spec.sources[0].arguments == {"split": "digits"}
    assert spec.classes == ()


def test_a_path_is_where_a_torchvision_datas_root_is() -> None:
    """The class stays, and the source says both."""
    (source,) = _spec("dataset=cifar10", "dataset.path=/data").sources
    assert source.kind is SourceKind.torchvision
    assert str(source) == "torchvision CIFAR10 in /data"


@pytest.mark.parametrize(
    ("choice", "form"),
    [("image_folder", DataFormat.images), ("idx", DataFormat.idx), ("npz", DataFormat.npz)],
)
def test_own_data_are_chosen_by_their_path(choice: str, form: DataFormat) -> None:
    """Nothing else is needed."""
    (source,) = _spec(f"dataset={choice}", "dataset.path=/data/mine").sources
    assert (source.kind, source.origin) == (SourceKind.folder, "/data/mine")
    assert source.format is form


def test_own_files_may_have_other_names() -> None:
    """Role by role."""
    spec = _spec("dataset=idx", "dataset.path=/data", "dataset.files.train_images.name=a")
    assert spec.sources[0].files["train_images"].name == "a"


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (("dataset=fashion_mnist", "dataset.torchvision=CIFAR10"), "dataset.torchvision"),
        (("dataset=cifar10", "dataset.torchvision=null"), "dataset.format"),
        (("dataset=fashion_mnist", "dataset.format=images"), "dataset.format"),
        (("dataset=idx", "dataset.path=/x", "+dataset.arguments.a=1"), "dataset.arguments"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    overrides: tuple[str, ...], key: str
) -> None:
    """The key at fault is named."""
    with pytest.raises(SpecError) as caught:
        _spec(*overrides)
    assert caught.value.where == key
