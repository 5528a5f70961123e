"""Which models classify pictures, and how they are asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from packager.errors import SpecError
from packager.model_metadata import ModelMetadata, TensorMetadata
from packager.prediction.classifier import REQUEST_BYTES, Classifier, classifier
from packager.prediction.preparing import Preprocessing
from packager.spec.tensors import DataType

FP32, UINT8 = DataType.FP32, DataType.UINT8


def tensor(name: str, *dims: int, data_type: DataType = FP32) -> TensorMetadata:
    """A tensor as a server reports it."""
    return TensorMetadata(name=name, data_type=data_type, dims=dims)


def model(
    inputs: list[TensorMetadata], outputs: list[TensorMetadata] | None = None
) -> ModelMetadata:
    """A model of ten classes, or of other outputs."""
    return ModelMetadata(
        name="m",
        versions=(1,),
        platform="pytorch_libtorch",
        inputs=tuple(inputs),
        outputs=tuple(outputs or [tensor("y", -1, 10)]),
    )


def asked(found: ModelMetadata, batch: int = 8, **config: Any) -> Classifier:
    """How it is asked."""
    return classifier(found, {"max_batch_size": batch, **config}, Preprocessing())


def test_a_batching_model_gets_as_many_rows_as_it_takes() -> None:
    """Unless they are large."""
    small = asked(model([tensor("x", -1, 3, 32, 32)]))
    assert (small.shape, small.rows, small.is_fixed, small.class_count) == (
        (3, 32, 32),
        8,
        False,
        10,
    )
    large = asked(model([tensor("x", -1, 3, 4000, 4000)]))
    assert large.rows == 1
    assert large.rows * 3 * 4000 * 4000 * 4 > REQUEST_BYTES


@pytest.mark.parametrize(
    ("dims", "rows", "is_fixed", "sent"),
    [((1, 8, 8), 1, False, (1, 8, 8)), ((-1, 1, 8, 8), 1, False, (1, 1, 8, 8)),
     ((1, 1, 8, 8), 1, False, (1, 1, 8, 8)), ((3, 1, 8, 8), 3, True, (3, 1, 8, 8))],
)  # fmt: skip
def test_a_model_without_batching_gets_the_rows_that_its_dims_say(
    dims: tuple[int, ...], rows: int, is_fixed: bool, sent: tuple[int, ...]
) -> None:
    """A fixed number is filled up; one picture stands for itself where there is no axis."""
    scores = tensor("y", 10) if len(dims) == 3 else tensor("y", dims[0], 10)
    found = asked(model([tensor("x", *dims)], [scores]), batch=0)
    assert (found.rows, found.is_fixed, found.is_batched) == (rows, is_fixed, False)
    assert found.class_count == 10 * rows
    assert found.tensor(np.zeros((1, 1, 8, 8), np.float32)).shape == sent


def test_the_input_gets_the_type_that_it_has() -> None:
    """FP16 too."""
    found = asked(model([tensor("x", -1, 1, 8, 8, data_type=DataType.FP16)]))
    assert found.tensor(np.zeros((2, 1, 8, 8), np.float32)).dtype == np.float16


def test_the_output_with_labels_is_asked_for() -> None:
    """Whatever else there is; optional inputs are left out."""
    found = asked(
        model(
            [tensor("x", -1, 1, 8, 8), tensor("state", -1, 4)],
            [tensor("features", -1, 64), tensor("scores", -1, 5)],
        ),
        output=[{"name": "features"}, {"name": "scores", "label_filename": "labels.txt"}],
        input=[{"name": "x"}, {"name": "state", "optional": True}],
    )
    assert (found.input, found.output, found.classes) == ("x", "scores", 5)


@pytest.mark.parametrize(
    "inputs",
    [
        [tensor("x", -1, 3)],
        [tensor("x", -1, 28, 28)],
        [tensor("x", -1, 5, 8, 8)],
        [tensor("x", -1, 1, 8, 8), tensor("y", -1, 3)],
    ],
)
def test_a_model_that_takes_no_picture_says_what_it_takes(inputs: list[TensorMetadata]) -> None:
    """Rows of numbers, a picture of five channels, two inputs."""
    with pytest.raises(SpecError, match=r"takes x FP32 \[-1, .*: not one picture"):
        asked(model(inputs))


@pytest.mark.parametrize(
    "outputs",
    [
        [tensor("y", -1, 10), tensor("z", -1, 10)],
        [tensor("y", -1, 21, 8, 8)],
        [tensor("y", -1, 1)],
        [tensor("y", -1, 10, data_type=DataType.BYTES)],
    ],
)
def test_a_model_that_gives_no_scores_says_what_it_gives(outputs: list[TensorMetadata]) -> None:
    """Two outputs, a mask, one number, texts."""
    with pytest.raises(SpecError, match=r"gives y .*: not one output of a score for each class"):
        asked(model([tensor("x", -1, 1, 8, 8)], outputs))


@pytest.mark.parametrize(
    ("data_type", "how"),
    [
        (UINT8, Preprocessing()),
        (FP32, Preprocessing(scale=False)),
        (FP32, Preprocessing(channels=3)),
        (FP32, Preprocessing(resize=(32, 32))),
        (DataType.INT64, Preprocessing()),
    ],
)
def test_a_model_that_takes_something_else_than_preparing_gives_is_refused(
    data_type: DataType, how: Preprocessing
) -> None:
    """The recipe on the command line may be another's."""
    with pytest.raises(SpecError, match=rf"takes x {data_type.value} \[-1, 1, 28, 28\], and"):
        classifier(
            model([tensor("x", -1, 1, 28, 28, data_type=data_type)]), {"max_batch_size": 4}, how
        )
