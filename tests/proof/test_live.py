"""The live proof on a real Triton: what it accepts, and each way in which it must refuse."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
import torch

from packager.client import Client
from packager.errors import ProofError
from packager.export import torchscript
from packager.model_config.render import render
from packager.proof import live
from packager.proof.question import Question
from packager.proof.samples import stacked
from packager.repository.layout import ModelPaths
from packager.server.embedded import embedded
from packager.spec.recipe import ExportForm
from packager.spec.server import EmbeddedServerSpec
from packager.spec.tensors import DataType, TensorSpec
from tests.model_config.composing import recipe

from .artifacts import Scores
from .questions import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.datasets.load import Dataset
    from packager.spec.recipe import Recipe

MODEL = "fashion_cnn"


@pytest.fixture(scope="module")
def served() -> Recipe:
    """Give the recipe of the model that the server holds."""
    return recipe(f"model={MODEL}")


@pytest.fixture(scope="module")
def client(served: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Serve one small model, batched."""
    repository = tmp_path_factory.mktemp("served")
    model = ModelPaths(repository / MODEL)
    model.version(1).mkdir(parents=True)
    torchscript.export(Scores(), form=ExportForm.none, path=model.artifact(1))
    model.config.write_text(render(served))
    model.labels.write_text("".join(f"{name}\n" for name in served.classes))
    with (
        embedded(EmbeddedServerSpec(), repository) as server,
        Client(server.endpoints) as connected,
    ):
        connected.wait_for_model(MODEL, 1)
        yield connected


@pytest.fixture
def question(served: Recipe, images: Dataset) -> Question:
    """Ask for what the served module really answers."""
    (pixels,) = rows(images, 256)
    return Question(recipe=served, rows=(pixels,), expected=(Scores()(pixels),), version=1)


def test_a_model_that_answers_as_trained_passes(client: Client, question: Question) -> None:
    """Over three protocols, with the time that each took."""
    proof = live.prove(client, question, model=MODEL, grpc=True)
    assert proof.measured["relative_error"] <= 1e-6
    assert "3 protocols" in proof.finding
    assert all(protocol in proof.timing for protocol in ("json", "binary", "grpc"))


def test_without_grpc_two_protocols_are_asked(client: Client, question: Question) -> None:
    """An external server's gRPC address may not be known."""
    assert "2 protocols" in live.prove(client, question, model=MODEL, grpc=False).finding


def test_fewer_images_than_a_batch_are_enough(client: Client, question: Question) -> None:
    """They are sent more than once."""
    few = dataclasses.replace(
        question, rows=(question.rows[0][:3],), expected=(stacked(question.expected)[0][:3],)
    )
    live.prove(client, few, model=MODEL, grpc=True)


@pytest.mark.parametrize("change", [0.01, float("nan")])
def test_another_answer_is_refused(client: Client, question: Question, change: float) -> None:
    """One image's answer, one part in a hundred off, is enough."""
    expected = stacked(question.expected)[0].clone()
    expected[7] += change * expected.abs().max()
    wrong = dataclasses.replace(question, expected=(expected,))
    with pytest.raises(ProofError, match="answers otherwise than the module does"):
        live.prove(client, wrong, model=MODEL, grpc=True)


def test_answers_in_another_order_are_refused(client: Client, question: Question) -> None:
    """Each image has its own answer."""
    wrong = dataclasses.replace(question, expected=(stacked(question.expected)[0].flip(0),))
    with pytest.raises(ProofError, match="answers otherwise"):
        live.prove(client, wrong, model=MODEL, grpc=True)


@pytest.mark.parametrize(
    ("side", "tensor"),
    [
        ("inputs", TensorSpec(name="image", data_type=DataType.FP32, dims=(1, 28, 28))),
        ("inputs", TensorSpec(name="input0", data_type=DataType.FP16, dims=(1, 28, 28))),
        ("inputs", TensorSpec(name="input0", data_type=DataType.FP32, dims=(3, 28, 28))),
        ("outputs", TensorSpec(name="output0", data_type=DataType.FP32, dims=(11,))),
        ("outputs", TensorSpec(name="scores", data_type=DataType.FP32, dims=(10,))),
    ],
)
def test_metadata_that_differs_from_the_recipe_is_refused(
    client: Client, question: Question, side: str, tensor: TensorSpec
) -> None:
    """Name, data type and dims, before any image is sent."""
    change: dict[str, Any] = {side: (tensor,)}
    other = dataclasses.replace(question.recipe, **change)
    with pytest.raises(ProofError, match="the server says") as caught:
        live.prove(client, dataclasses.replace(question, recipe=other), model=MODEL, grpc=True)
    assert caught.value.where == f"live.{side}"


def test_a_model_with_another_batching_is_refused(client: Client, question: Question) -> None:
    """An unbatched recipe has no batch dimension in its metadata."""
    unbatched = recipe(f"model={MODEL}", "serving=unbatched", "serving.batch_dim=1")
    with pytest.raises(ProofError, match="the server says"):
        live.prove(client, dataclasses.replace(question, recipe=unbatched), model=MODEL, grpc=True)


def test_expected_answers_are_not_all_alike(question: Question) -> None:
    """Or the proofs above would prove nothing."""
    assert torch.unique(stacked(question.expected)[0], dim=0).shape[0] > 100
