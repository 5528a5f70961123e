"""The forms of an artifact: what each makes of modules of many kinds, as it is loaded again."""

# ruff: noqa: D102 - each class says what its forward does

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from packager.errors import ProofError
from packager.export.preprocessing import with_preprocessing
from packager.proof.closeness import closeness, of_itself, of_module
from packager.spec.dataset import NormalizeSpec
from packager.spec.recipe import ExportForm
from tests.proof.artifacts import FORMS, artifact

if TYPE_CHECKING:
    from pathlib import Path

LAST, BFLOAT16 = ExportForm.channels_last, ExportForm.bfloat16


class Residual(nn.Module):
    """Adds in place, joins, pools, views, and branches on a size; scores of [N, 3, 8, 8]."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.second = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.last = nn.Linear(16 * 16, 4)

    def forward(self, x: Tensor) -> Tensor:
        before = self.first(x)
        after = self.second(before)
        after += before
        joined = torch.cat([after, before], 1)
        if x.size(2) > 4:
            joined = nn.functional.max_pool2d(joined, 2)
        scores: Tensor = self.last(joined.view(joined.size(0), -1))
        return torch.softmax(scores, 1)


class TwoInTwoOut(nn.Module):
    """An image and a vector; a map of the image's size, and how well it fits the vector."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Conv2d(1, 4, 3, padding=1)
        self.vector = nn.Linear(6, 4)

    def forward(self, image: Tensor, vector: Tensor) -> tuple[Tensor, Tensor]:
        found = self.image(image)
        return found, (found.mean([2, 3]) * self.vector(vector)).sum(1, keepdim=True)


class Sequences(nn.Module):
    """An embedding, a recurrence and products of what comes of it: no image anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(2, 8)
        self.turned = nn.Linear(8, 8)
        self.recurrence = nn.GRU(8, 8, batch_first=True)
        self.norm = nn.LayerNorm(8)

    def forward(self, words: Tensor) -> Tensor:
        found, _ = self.recurrence(self.turned(self.words(words)))
        joined: Tensor = self.norm(torch.matmul(found, found.transpose(1, 2)) @ found)
        return joined


class WritesLog(nn.Module):
    """Takes a logarithm in place of what was a product."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.linear(x)
        return found.log1p_()


def _pixels() -> tuple[nn.Module, tuple[Tensor, ...]]:
    spec = NormalizeSpec(mean=(0.2, 0.3, 0.4), std=(0.5, 0.6, 0.7))
    images = torch.randint(256, (5, 3, 8, 8)).to(torch.uint8)
    return with_preprocessing(Residual().eval(), spec), (images,)


def made(kind: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Return a module in evaluation mode, and what it is asked."""
    torch.manual_seed(0)
    match kind:
        case "pixels":
            return _pixels()
        case "residual":
            return Residual().eval(), (torch.rand(5, 3, 8, 8),)
        case "two":
            return TwoInTwoOut().eval(), (torch.rand(5, 1, 7, 9), torch.rand(5, 6))
        case _:
            return Sequences().eval(), (torch.randint(2, (5, 7)),)


def _answers(module: nn.Module, asked: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    with torch.inference_mode():
        found = module(*asked)
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["residual", "pixels", "two", "sequences"])
def test_every_form_answers_as_its_module(kind: str, form: ExportForm, tmp_path: Path) -> None:
    """In the module's types, laid out as clients know them; a batch of one as well."""
    module, asked = made(kind)
    loaded = artifact(module, tmp_path, form=form)
    for rows in (asked, tuple(tensor[:1] for tensor in asked)):
        expected, found = _answers(module, rows), _answers(loaded, rows)
        compared = closeness(found, expected, least=of_module(form))
        assert compared.same, str(compared)
        assert all(tensor.is_contiguous() for tensor in found)
        again = closeness(_answers(loaded, asked), _answers(loaded, asked), least=of_itself(form))
        assert again.relative_error == 0.0


@pytest.mark.parametrize("kind", ["residual", "pixels", "two", "sequences"])
def test_bfloat16_is_computed_in(kind: str, tmp_path: Path) -> None:
    """The weights of products are kept in it, and its roundings show."""
    module, asked = made(kind)
    loaded = artifact(module, tmp_path, form=BFLOAT16)
    expected = _answers(module, asked)
    assert closeness(_answers(loaded, asked), expected).relative_error > 1e-4
    assert torch.bfloat16 in {one.dtype for one in _constants(loaded)}


def _constants(loaded: torch.jit.ScriptModule) -> list[Tensor]:
    graph: Any = loaded.graph
    found = (node.output().toIValue() for node in graph.findAllNodes("prim::Constant"))
    return [one for one in found if isinstance(one, Tensor)]


def test_convolutions_weights_lie_channels_last(tmp_path: Path) -> None:
    """As they are loaded again."""
    loaded = artifact(made("residual")[0], tmp_path, form=LAST)
    weights = [one for one in _constants(loaded) if one.dim() == 4]
    assert len(weights) == 2
    assert all(one.is_contiguous(memory_format=torch.channels_last) for one in weights)
    assert not any(one.is_contiguous() for one in weights)


def test_what_needs_float32_and_is_written_to_is_told(tmp_path: Path) -> None:
    """A copy in float32 would not be what the module writes to."""
    with pytest.raises(ProofError, match="aten::log1p_ writes to what is bfloat16 then"):
        artifact(WritesLog().eval(), tmp_path, form=BFLOAT16)


SAVED = """
import sys
from pathlib import Path
from packager.export.torchscript import export
from packager.spec.recipe import ExportForm
from tests.export.test_forms import made
for index, word in enumerate(sys.argv[2:]):
    form, kind = word.split(":")
    export(made(kind)[0], form=ExportForm(form), path=Path(sys.argv[1], f"{index}.pt"))
"""


def test_two_processes_save_the_same_bytes(tmp_path: Path) -> None:
    """Whatever was edited in the graph; without convolutions channels_last is freeze."""
    saved = []
    for last in ("channels_last", "freeze"):
        folder = tmp_path / last
        folder.mkdir()
        words = ("channels_last:pixels", "bfloat16:pixels", f"{last}:sequences")
        code = [sys.executable, "-W", "ignore", "-c", SAVED, str(folder), *words]
        subprocess.run(code, check=True, timeout=120)
        saved.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert len(saved[0]) == 3
    assert saved[0] == saved[1]
