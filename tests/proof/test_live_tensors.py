"""The live proof on a real Triton, of models with several tensors of any type."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
import torch

from packager.client import Client
from packager.errors import ProofError
from packager.export.torchscript import export, load
from packager.model_config.render import render
from packager.model_config.warmup import Sample, warmup
from packager.model_metadata import Executions
from packager.proof import contract, live, parity, rules
from packager.proof.asking import answers
from packager.proof.golden import Golden, golden
from packager.proof.question import Question
from packager.proof.replay import Asked
from packager.proof.samples import generated, stacked
from packager.proof.tolerances import FLOAT32_TOLERANCE
from packager.repository.layout import GOLDEN_REQUEST_FILE, GOLDEN_RESPONSE_FILE, ModelPaths
from packager.server.embedded import embedded
from packager.spec.recipe import ExportForm
from packager.spec.server import EmbeddedServerSpec
from packager.spec.tensors import DataType
from packager.tasks.requests import examples
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor, without_data

from . import artifacts, misfits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import nn

    from packager.spec.recipe import Recipe

UNBATCHED = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=null").serving
INDEX = tensor("index", 5, data_type=DataType.INT64)
TYPES = [
    tensor("truth", 4, data_type=DataType.BOOL),
    tensor("pixels", 1, 2, 3, data_type=DataType.UINT8),
    tensor("number"),
    tensor("sequence", 2, -1),
]

MODELS: dict[str, tuple[nn.Module, Recipe]] = {
    "minus": (artifacts.Minus(), without_data([tensor("b", 4), tensor("a", 4)], [])),
    "lookup": (artifacts.Lookup(), without_data([INDEX, tensor("weights", 3)], [])),
    "indices": (artifacts.Doubled(), without_data([INDEX], [])),
    "types": (artifacts.Types(), without_data(TYPES, [])),
    "half": (artifacts.Doubled(), without_data([tensor("x", 4, data_type=DataType.FP16)], [])),
    "masked": (misfits.Masked(), without_data([tensor("x", 4)], [])),
    "detector": (misfits.Detector(), without_data([tensor("x", 40)], [], UNBATCHED)),
    "sample": (artifacts.ThisSample(), without_data([tensor("x", 4)], [], UNBATCHED)),
}


@dataclasses.dataclass(frozen=True)
class Served:
    """A server that holds every model, and each model's question."""

    client: Client
    address: str
    questions: dict[str, Question]
    warmed: dict[str, Executions]

    def prove(self, name: str, question: Question | None = None) -> str:
        """Return the finding of a model's proof."""
        asked = question or self.questions[name]
        return live.prove(self.client, asked, model=name, grpc=True).finding


def _staged(repository: Path, name: str, module: nn.Module, made: Recipe) -> Question:
    """Write a model as a build does, and prove it without a server."""
    model = ModelPaths(repository / name)
    model.version(1).mkdir(parents=True)
    export(module, form=ExportForm.freeze, path=model.artifact(1))
    artifact = load(model.artifact(1))
    made = contract.derive_outputs(dataclasses.replace(made, name=name), artifact)
    sent = warmup(made, [_sample(rows) for rows in generated(made.inputs)])
    model.warmup.mkdir()
    for one in sent:
        (model.warmup / one.file).write_bytes(one.content)
    text = render(made, warmup=sent)
    model.config.write_text(text)
    rules.prove(text, made, warmup=sent)
    contract.prove(made, artifact, config=text)
    _, kept = parity.prove(
        artifact,
        load(model.artifact(1)),
        [(generated(made.inputs, count=48), None)],
        recipe=made,
        source="generated inputs",
    )
    return Question(recipe=made, rows=kept.rows, expected=kept.expected, version=1)


def _sample(rows: torch.Tensor) -> Sample:
    return Sample(dims=tuple(rows[0].shape), content=rows[0].contiguous().numpy().tobytes())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve every model, and one whose inputs are listed in another order than forward's."""
    repository = tmp_path_factory.mktemp("tensors")
    questions = {
        name: _staged(repository, name, module, made) for name, (module, made) in MODELS.items()
    }
    swapped = ModelPaths(repository / "swapped")
    swapped.version(1).mkdir(parents=True)
    export(artifacts.Minus(), form=ExportForm.freeze, path=swapped.artifact(1))
    listed = dataclasses.replace(
        without_data([tensor("right", 4), tensor("left", 4)], [*questions["minus"].recipe.outputs]),
        name="swapped",
    )
    swapped.config.write_text(render(listed))
    rows = questions["minus"].rows
    by_order = answers(load(swapped.artifact(1)), rows)
    questions["swapped"] = Question(recipe=listed, rows=rows, expected=by_order, version=1)
    with (
        embedded(EmbeddedServerSpec(), repository) as server,
        Client(server.endpoints) as client,
    ):
        for name in questions:
            client.wait_for_model(name, 1)
        warmed = {name: client.executions(name, 1) for name in questions}
        yield Served(client, server.endpoints.http, questions, warmed)


@pytest.mark.parametrize("name", MODELS)
def test_it_is_served_as_it_answers_here(name: str, served: Served) -> None:
    """Two inputs and outputs, each type, one number a sample, open dims, no batch axis.

    Also NaN and infinity that are meant: every protocol carries them.
    """
    finding = served.prove(name)
    assert "metadata equals the recipe" in finding
    assert ("2 protocols" if name == "half" else "3 protocols") in finding


@pytest.mark.parametrize("name", MODELS)
def test_each_is_run_while_it_loads(name: str, served: Served) -> None:
    """Before the first client, one sample; whatever the data type."""
    serving = served.questions[name].recipe.serving
    assert served.warmed[name].batches == {1: serving.warmup}
    assert served.warmed["swapped"].batches == {}


@pytest.mark.parametrize("name", MODELS)
def test_its_golden_request_is_answered_as_its_golden_response_says(
    name: str, served: Served
) -> None:
    """To the last file byte as they are published; where JSON can hold the answers."""
    made = golden(served.questions[name])
    if name == "half":
        assert made == Golden(finding="none: JSON has no half precision")
        return
    request, response = (made.files[file] for file in (GOLDEN_REQUEST_FILE, GOLDEN_RESPONSE_FILE))
    found = Asked(served.address, name, 1).replay(request, response, tolerance=FLOAT32_TOLERANCE)
    assert found.problems == ()
    assert found.finding.startswith("answers as when it was proven")
    assert max(map(len, made.files.values())) < 2**20


def test_half_precision_travels_in_binary_only(served: Served) -> None:
    """Triton refuses it in JSON, and the finding says so."""
    assert "JSON carries no FP16" in served.prove("half")


def test_swapped_inputs_are_noticed(served: Served, tmp_path: Path) -> None:
    """Named as forward's arguments they go by name, whatever the order of the recipe.

    The contract refuses them before any server does.
    """
    with pytest.raises(ProofError, match="answers otherwise"):
        served.prove("swapped")
    question = served.questions["swapped"]
    artifact = artifacts.artifact(artifacts.Minus(), tmp_path)
    with pytest.raises(ProofError, match="'right' is input 0 of the recipe, and by its name"):
        contract.prove(question.recipe, artifact, config=render(question.recipe))


def test_rows_sent_to_the_wrong_input_are_noticed(served: Served) -> None:
    """Under names that say nothing the order is all there is."""
    question = served.questions["minus"]
    wrong = dataclasses.replace(question, rows=question.rows[::-1])
    with pytest.raises(ProofError, match="answers otherwise"):
        served.prove("minus", wrong)


@pytest.mark.parametrize("name", MODELS)
def test_the_printed_python_request_works(name: str, served: Served) -> None:
    """Pasted as it stands, but for the port; it prints every output's numbers."""
    printed = examples(served.questions[name].recipe, repository="model_repository")
    _, found, rest = printed.partition("\n  import ")
    program = textwrap.dedent(found + rest).replace("127.0.0.1:8000", served.address)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    outputs = served.questions[name].recipe.outputs
    assert len(done.stdout.splitlines()) == len(outputs)
    assert "made-up sample" in printed


@pytest.mark.parametrize("name", ["lookup", "types"])
def test_the_printed_curl_request_works(name: str, served: Served) -> None:
    """Pasted into bash as it stands, but for the port."""
    printed = examples(served.questions[name].recipe, repository="model_repository")
    found = re.search(r"^  python3 -c .*? -d @-$", printed, re.MULTILINE | re.DOTALL)
    assert found
    command = found[0].replace("127.0.0.1:8000", served.address)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    outputs = {output["name"] for output in json.loads(done.stdout)["outputs"]}
    assert outputs == {tensor.name for tensor in served.questions[name].recipe.outputs}


@pytest.mark.parametrize("output", [0, 1])
def test_each_output_is_compared(output: int, served: Served) -> None:
    """Floats and whole numbers: one wrong number in one row is told."""
    question = served.questions["lookup"]
    expected = [one.clone() for one in stacked(question.expected)]
    expected[output][7] += 1
    with pytest.raises(ProofError, match="answers otherwise"):
        served.prove("lookup", dataclasses.replace(question, expected=tuple(expected)))


@pytest.mark.parametrize(
    ("size", "largest", "sent"), [(4, 128, 32), (2**16, 128, 32), (2**18, 128, 8), (2**18, 2, 2)]
)
def test_a_request_of_large_rows_has_fewer(size: int, largest: int, sent: int) -> None:
    """JSON takes several times as many bytes as the numbers."""
    serving = dataclasses.replace(recipe("model=fashion_cnn").serving, max_batch_size=largest)
    rows = (torch.zeros(40, size),)
    question = Question(
        recipe=without_data([tensor("x", size)], [tensor("y", size)], serving),
        rows=rows,
        expected=rows,
        version=1,
    )
    sizes = {len(request[0]) for request, _ in question.requests(question.request_size)}
    assert sizes == {sent}
