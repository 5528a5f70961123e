"""Concurrent clients and wrong requests, on a real Triton: what passes, and what must not."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
import torch

from packager.client import Client, WireFormat
from packager.errors import ProofError
from packager.export.torchscript import export
from packager.model_config.render import render
from packager.model_metadata import Executions
from packager.proof.asking import answers
from packager.proof.concurrency import CLIENTS, REQUESTS, Together, prove_together
from packager.proof.question import Question
from packager.proof.refusals import prove_refusals
from packager.proof.samples import generated, stacked
from packager.repository.layout import ModelPaths
from packager.server.embedded import embedded
from packager.spec.recipe import ExportForm
from packager.spec.server import EmbeddedServerSpec
from packager.spec.tensors import DataType
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor, without_data

from . import artifacts, misfits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from packager.spec.recipe import Recipe

FOUR, FOUR_OUT = tensor("x", 4), tensor("y", 4)
ANY = recipe("model=fashion_cnn", "serving=unbatched").serving
SEVEN = dataclasses.replace(ANY, batch_dim=7)
ONE = dataclasses.replace(ANY, batch_dim=None)
ALONE = dataclasses.replace(
    recipe("model=fashion_cnn").serving, dynamic_batching=None, max_batch_size=4
)
PAIR = [tensor("index", -1, data_type=DataType.INT64), tensor("truth", data_type=DataType.BOOL)]
PAIR_OUT = [tensor("a", -1, data_type=DataType.INT64), tensor("b", data_type=DataType.BOOL)]


class Apart(torch.nn.Module):
    """Two inputs, of which one is a single number a sample, each given back."""

    def forward(
        self, index: torch.Tensor, truth: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Change both."""
        return index * 2, truth.logical_not()


MODELS: dict[str, tuple[nn.Module, Recipe]] = {
    "doubled": (artifacts.Doubled(), without_data([FOUR], [FOUR_OUT])),
    "mixed": (misfits.Largest(), without_data([FOUR], [FOUR_OUT])),
    "any": (artifacts.Doubled(), without_data([FOUR], [FOUR_OUT], ANY)),
    "seven": (artifacts.Doubled(), without_data([FOUR], [FOUR_OUT], SEVEN)),
    "sample": (artifacts.Doubled(), without_data([FOUR], [FOUR_OUT], ONE)),
    "alone": (artifacts.Doubled(), without_data([FOUR], [FOUR_OUT], ALONE)),
    "pair": (Apart(), without_data(PAIR, PAIR_OUT)),
    "open": (artifacts.Doubled(), without_data([tensor("x", -1)], [tensor("y", -1)])),
}


@dataclasses.dataclass(frozen=True)
class Served:
    """A server that holds every model, and what each is asked."""

    client: Client
    questions: dict[str, Question]

    def together(self, name: str, question: Question | None = None) -> Together:
        """Ask a model from many clients."""
        asked = question or self.questions[name]
        return prove_together(self.client, asked, model=name, wires=asked.wires(grpc=True))

    def refused(self, name: str, question: Question | None = None) -> int:
        """Send a model wrong requests."""
        asked = question or self.questions[name]
        return prove_refusals(self.client, asked, model=name, wires=asked.wires(grpc=True))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve every model."""
    repository = tmp_path_factory.mktemp("concurrent")
    questions = {}
    for name, (module, made) in MODELS.items():
        named = dataclasses.replace(made, name=name)
        model = ModelPaths(repository / name)
        model.version(1).mkdir(parents=True)
        export(module, form=ExportForm.freeze, path=model.artifact(1))
        model.config.write_text(render(named))
        rows = generated(named.inputs, count=64)
        questions[name] = Question(
            recipe=named, rows=rows, expected=answers(module, rows), version=1
        )
    with (
        embedded(EmbeddedServerSpec(), repository) as server,
        Client(server.endpoints) as client,
    ):
        for name in questions:
            client.wait_for_model(name, 1)
        yield Served(client, questions)


@pytest.mark.parametrize("name", ["doubled", "open", "pair"])
def test_requests_that_are_joined_keep_their_answers(name: str, served: Served) -> None:
    """The server's own statistics show batches of several requests."""
    together = served.together(name)
    assert together.joined
    assert together.executions is not None
    if name != "open":  # all rows of one shape
        assert together.executions.largest > 1
    assert f"in {together.executions.count} batches of up to" in together.timing


@pytest.mark.parametrize("name", ["any", "seven", "sample", "alone"])
def test_without_dynamic_batching_nothing_is_joined(name: str, served: Served) -> None:
    """Every request is one execution, and still each client has its own answer."""
    together = served.together(name)
    assert not together.joined
    assert together.requests == CLIENTS * REQUESTS
    assert together.executions is not None
    assert together.executions.count == together.requests
    assert together.timing.endswith("none joined")


def test_a_model_that_mixes_clients_is_refused(served: Served) -> None:
    """Alone each request is answered right: only joined ones are not."""
    question = served.questions["mixed"]
    rows = (question.rows[0] + 1,)
    alone = torch.cat([answers(misfits.Largest(), (row[None],))[0] for row in rows[0]])
    own = dataclasses.replace(question, rows=rows, expected=(alone,))
    for row, expected in zip(rows[0][:3], alone, strict=False):
        inputs = {"x": row[None].numpy()}
        answer = served.client.infer(WireFormat.BINARY, "mixed", 1, inputs)
        assert torch.allclose(torch.from_numpy(answer["y"][0]), expected)
    with pytest.raises(ProofError, match="gets another answer than its own"):
        served.together("mixed", own)


def test_a_refused_client_is_told(served: Served) -> None:
    """And the others do not wait for it."""
    question = served.questions["doubled"]
    narrow = dataclasses.replace(question, rows=(question.rows[0][:, :3],))
    with pytest.raises(ProofError, match=r"concurrent clients is refused: .*unexpected shape"):
        served.together("doubled", narrow)


@pytest.mark.parametrize(
    ("name", "kinds"), [("doubled", 7), ("any", 6), ("sample", 6), ("pair", 7), ("open", 6)]
)
def test_every_wrong_request_is_refused_as_one(name: str, kinds: int, served: Served) -> None:
    """By three protocols: name, missing, too many, type, rank; size and rows where fixed."""
    assert served.refused(name) == 3 * kinds
    assert served.client.is_ready()


def test_a_wrong_request_that_is_answered_is_refused(served: Served) -> None:
    """The config leaves open what the recipe says is fixed."""
    fixed = dataclasses.replace(served.questions["open"].recipe, inputs=(tensor("x", 32),))
    question = dataclasses.replace(served.questions["open"], recipe=fixed)
    with pytest.raises(ProofError, match="another size is answered as if nothing were wrong"):
        served.refused("open", question)


def test_a_server_that_answers_otherwise_afterwards_is_refused(served: Served) -> None:
    """The right request follows each wrong one."""
    question = served.questions["doubled"]
    other = dataclasses.replace(question, expected=(stacked(question.expected)[0] + 1,))
    with pytest.raises(ProofError, match="answers otherwise after an input of another name"):
        served.refused("doubled", other)


def test_executions_are_counted_by_their_rows() -> None:
    """Those before are not counted; nothing is known of a server that does not count."""
    before, after = Executions(batches={1: 4, 2: 1}), Executions(batches={1: 4, 2: 3, 8: 1})
    since = after.since(before)
    assert dict(since.batches) == {2: 2, 8: 1}
    assert (since.count, since.largest) == (3, 8)
    assert (Executions().count, Executions().largest) == (0, 0)
    assert not Together(requests=48, executions=None).joined
    assert "does not count" in Together(requests=48, executions=None).finding
