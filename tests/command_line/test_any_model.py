"""Every kind of model: built by the real program, proven, and asked on one running Triton."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
import requests
import torch
from torch import nn

from packager.datasets.transforms import to_input
from packager.repository.layout import GOLDEN_RESPONSE_FILE
from packager.repository.manifest import sha256
from packager.spec.dataset import NormalizeSpec

from .conftest import wait_for_url
from .own_files import (
    FEW,
    Clothes,
    accuracy,
    nearest_mean,
    read_clothes,
    write_configuration,
    write_weights,
)
from .program import REPOSITORY, Result, Workspace, files_but_locks, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Array = npt.NDArray[Any]

SIZE = 4
"""The largest batch."""
NORMALIZE = NormalizeSpec(mean=(0.286,), std=(0.353,))
NORMALIZED = ("dataset.normalize.mean=[0.286]", "dataset.normalize.std=[0.353]")
QUICK = ("trainer.threads=1", f"serving.max_batch_size={SIZE}")
TRAINED = ("trainer.epochs=1", "trainer.batch_size=32", *FEW)
LINEAR = ("model=fashion_cnn", "architecture=linear", *FEW)
ONE_INPUT = "inputs=[{name: pixels, data_type: FP32, dims: [1, 28, 28]}]"

PROVEN = {
    "resnet": ("model=fashion_resnet18", *TRAINED),
    "scorer": ("model=scorer", "trusted_packages=[shop]"),
    "script": (
        "model=fashion_cnn",
        "architecture=torchscript",
        "architecture.torchscript=script.pt",
        "trainer=none",
        *FEW,
    ),
    "raw": ("model=fashion_cnn_uint8", *NORMALIZED, *TRAINED),
}
"""Built with the embedded server's live proof."""

UNCHECKED = {
    "fashion_cnn": ("model=fashion_cnn", *NORMALIZED, *TRAINED),
    "sorter": (
        "model=fashion_cnn",
        "architecture=module_class",
        "architecture.module_class=shop.scores:Sorter",
        "+architecture.arguments.width=32",
        "trusted_packages=[shop]",
        *TRAINED,
    ),
    "given": (*LINEAR, "architecture.weights.path=weights.pt", "trainer=none"),
    "safe": (*LINEAR, "architecture.weights.path=weights.safetensors", "trainer=none"),
    "further": (*LINEAR, "architecture.weights.path=weights.pt", "trainer.lr=1e-6", *TRAINED),
    "drawn": ("architecture=linear", "dataset=none", "trainer=none", ONE_INPUT),
}
"""Built with server=none, to save time; all that follows is the same."""

SERVED = {*PROVEN, "fashion_cnn"}
UNSERVED = "unserved"
"""The repository of the others, so that the one server has few to load."""

NO_SCRIPT = (
    *("architecture=torchscript", "dataset=none", "trainer=none", ONE_INPUT, "name=refused"),
)
SAVE_IT = "torch.jit.script(module.eval()).save(PATH)"

REFUSED = {
    "training": (
        (*NO_SCRIPT, "architecture.torchscript=training.pt"),
        ("architecture.torchscript: ", "training.pt is in training mode", SAVE_IT),
    ),
    "cut": (
        (*NO_SCRIPT, "architecture.torchscript=cut.pt"),
        ("architecture.torchscript: ", "cut.pt is cut short", SAVE_IT),
    ),
    "saved": (
        (*NO_SCRIPT, "architecture.torchscript=saved.pt"),
        ("architecture.torchscript: ", "saved.pt is no TorchScript", "torch.save", SAVE_IT),
    ),
    "shapes": (
        (*LINEAR, "architecture.weights.path=7.pt", "trainer=none", "name=refused"),
        (
            "architecture.weights.path: ",
            "1.weight is [7, 784] in the file, [10, 784] in the module",
            "1.bias is [7] in the file, [10] in the module",
        ),
    ),
    "untrusted": (
        ("model=scorer",),
        (
            "architecture.module_class: imports and runs code of 'shop', which is not trusted.",
            "if you trust it, set trusted_packages=[shop].",
        ),
    ),
}
"""Models that are not packaged, and what is said of them: every weight that does not fit, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """All models, and what their builds answered."""

    workspace: Workspace
    clothes: Clothes
    given: nn.Module
    results: dict[str, Result]

    def manifest(self, name: str) -> Any:
        """Return a build's manifest; fails with what the build said where there is none."""
        assert self.results[name].status == 0, self.results[name].err
        return json.loads((self.path(name).parent / "manifest.json").read_text())

    def path(self, name: str) -> Path:
        """Return a build's artifact."""
        folder = self.workspace.cwd / (REPOSITORY if name in SERVED else UNSERVED)
        return folder / name / "1" / "model.pt"

    def answers(self, name: str, *inputs: torch.Tensor) -> tuple[Array, ...]:
        """Return what an artifact answers without a server."""
        with torch.no_grad():
            found = torch.jit.load(self.path(name))(*inputs)  # type: ignore[no-untyped-call]
        return tuple(one.numpy() for one in (found if isinstance(found, tuple) else (found,)))


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Keep the servers' threads, too, from waiting for each other where cores are few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, cache_home: Path
) -> tuple[Workspace, Clothes, nn.Module]:
    """A user's working directory: their package, recipes, weights and files."""
    workspace = Workspace(tmp_path_factory.mktemp("models"))
    clothes = read_clothes(cache_home)
    given = nearest_mean(clothes)
    write_configuration(workspace.cwd)
    write_weights(given, workspace.cwd)
    return workspace, clothes, given


@pytest.fixture(scope="module")
def models(workspace: tuple[Workspace, Clothes, nn.Module]) -> Models:
    """Every kind, two builds at a time."""
    here, clothes, given = workspace
    builds = PROVEN | {name: (*build, "server=none") for name, build in UNCHECKED.items()}
    builds |= {
        name: (*build, f"repository.path={UNSERVED}")
        for name, build in builds.items()
        if name not in SERVED
    }

    def build(name: str) -> Result:
        return here.run("--config-dir", "my", *builds[name], f"name={name}", *QUICK)

    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(builds, pool.map(build, builds), strict=True))
    return Models(workspace=here, clothes=clothes, given=given, results=results)


@pytest.fixture(scope="module")
def url(models: Models) -> Iterator[str]:
    """`task=serve` on all that are served."""
    with models.workspace.start("task=serve") as running:
        yield wait_for_url(running)


def ask(url: str, model: str, **inputs: Array) -> dict[str, Array]:
    """Return a served model's outputs by name."""
    types = {"float32": "FP32", "int64": "INT64", "uint8": "UINT8"}
    request = [
        {
            "name": name,
            "shape": list(array.shape),
            "datatype": types[str(array.dtype)],
            "data": array.flatten().tolist(),
        }
        for name, array in inputs.items()
    ]
    answer = requests.post(f"{url}/v2/models/{model}/infer", json={"inputs": request}, timeout=30)
    assert answer.status_code == 200, answer.text
    return {
        output["name"]: np.array(output["data"], np.float32).reshape(output["shape"])
        for output in answer.json()["outputs"]
    }


@pytest.mark.parametrize("name", PROVEN)
def test_every_kind_passes_all_five_proofs(models: Models, name: str) -> None:
    """The live one too, on the real Triton; nothing is left of it."""
    proofs = models.manifest(name)["proofs"]
    assert {proof["verdict"] for proof in proofs.values()} == {"passed"}
    assert "Triton 2.51.0" in proofs["live"]["finding"]
    assert files_but_locks(models.workspace.staging) == []


def test_a_torchvision_model_is_trained_and_served(models: Models, url: str) -> None:
    """By its name; its stem takes the one channel, its head gives the ten classes."""
    manifest = models.manifest("resnet")
    assert manifest["recipe"]["architecture"]["name"] == "resnet18"
    assert len(manifest["training"]["epochs"]) == 1
    images = to_input(models.clothes.test.images[:SIZE], None)
    (expected,) = models.answers("resnet", images)
    assert expected.shape == (SIZE, 10)
    answer = ask(url, "resnet", input0=images.numpy())["output0"]
    np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-4)


def test_a_class_of_the_users_own_with_two_inputs_and_outputs_is_served(
    models: Models, url: str
) -> None:
    """Its code lies in the working directory; one input is INT64, and no data are known of."""
    assert models.manifest("scorer")["dataset"] is None
    user = torch.rand(SIZE, 4, generator=torch.Generator().manual_seed(0))
    item = torch.arange(SIZE).unsqueeze(1) + 40
    score, probability = models.answers("scorer", user, item)
    answer = ask(url, "scorer", user=user.numpy(), item=item.numpy())
    np.testing.assert_allclose(answer["score"], score, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answer["probability"], probability, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(1 / (1 + np.exp(-answer["score"])), probability, rtol=1e-4)
    assert np.unique(score).size == SIZE


def test_a_torchscript_file_is_published_byte_for_byte_and_served(models: Models, url: str) -> None:
    """Its accuracy on the data is told too."""
    file = models.workspace.cwd / "script.pt"
    manifest = models.manifest("script")
    assert sha256(models.path("script")) == sha256(file) == manifest["files"]["model.pt"]
    assert manifest["training"] is None
    measured = accuracy(models.given, models.clothes)
    assert manifest["proofs"]["parity"]["measured"]["accuracy"] == pytest.approx(measured)
    images = to_input(models.clothes.test.images[:SIZE], None)
    answer = ask(url, "script", input0=images.numpy())["output0"]
    with torch.no_grad():
        expected = models.given(images).numpy()
    np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-4)


def test_raw_pixels_are_answered_as_the_float_recipe_answers_prepared_ones(
    models: Models, url: str
) -> None:
    """Scaling and normalisation are inside the model; both are the same trained weights."""
    raw, prepared = models.manifest("raw"), models.manifest("fashion_cnn")
    assert raw["module"]["weights_sha256"] == prepared["module"]["weights_sha256"]
    assert raw["preprocessing"]["clients_send"] == "uint8 pixels"
    assert raw["preprocessing"]["inside_model"] == ["scale", "normalize"]
    assert prepared["preprocessing"]["inside_model"] == []
    pixels = models.clothes.test.images[:SIZE]
    from_pixels = ask(url, "raw", input0=pixels.numpy())["output0"]
    floats = to_input(pixels, NORMALIZE)
    from_floats = ask(url, "fashion_cnn", input0=floats.numpy())["output0"]
    np.testing.assert_allclose(from_pixels, from_floats, rtol=0, atol=1e-4)


def test_a_class_of_the_users_own_learns(models: Models) -> None:
    """Its constructor gets the arguments that are given."""
    manifest = models.manifest("sorter")
    assert manifest["recipe"]["architecture"]["arguments"] == {"width": 32}
    assert len(manifest["training"]["epochs"]) == 1
    shapes = {tuple(one.shape) for one in _constants(models.path("sorter"))}
    assert (32, 784) in shapes


def _constants(path: Path) -> list[torch.Tensor]:
    """Return the weights that freezing folded into an artifact."""
    graph: Any = torch.jit.load(path).graph  # type: ignore[no-untyped-call]
    values = [node.output().toIValue() for node in graph.findAllNodes("prim::Constant")]
    return [value for value in values if isinstance(value, torch.Tensor)]


@pytest.mark.parametrize("name", ["given", "safe"])
def test_given_weights_are_packaged_without_training(models: Models, name: str) -> None:
    """The accuracy is theirs, wherever they were read from."""
    manifest = models.manifest(name)
    measured = accuracy(models.given, models.clothes)
    assert measured > 0.5
    assert manifest["training"] is None
    assert manifest["proofs"]["parity"]["measured"]["accuracy"] == pytest.approx(measured)
    assert f"test accuracy {measured:.2%}" in models.results[name].out
    files, others = (dict(models.manifest(one)["files"]) for one in (name, "given"))
    # Weights lie elsewhere in memory: the module's own answers may differ in their last bits.
    assert files.pop(GOLDEN_RESPONSE_FILE)
    assert others.pop(GOLDEN_RESPONSE_FILE)
    assert files == others
    file = models.workspace.cwd / manifest["recipe"]["architecture"]["weights"]["path"]
    assert manifest["module"]["file_sha256"] == sha256(file)


def test_training_goes_on_from_given_weights(models: Models) -> None:
    """With tiny steps they stay about as good, which drawn ones would not become."""
    manifest = models.manifest("further")
    assert manifest["training"]["test_accuracy"] == pytest.approx(
        accuracy(models.given, models.clothes), abs=0.05
    )
    assert manifest["files"]["model.pt"] != models.manifest("given")["files"]["model.pt"]


def test_layers_without_data_and_training_are_proven_on_generated_inputs(models: Models) -> None:
    """The manifest says so; there is no accuracy, and there are no labels."""
    manifest = models.manifest("drawn")
    assert (manifest["dataset"], manifest["training"], manifest["labels"]) == (None, None, [])
    parity = manifest["proofs"]["parity"]
    assert re.match(r"\d+ generated inputs: ", parity["finding"])
    assert "accuracy" not in parity["measured"]
    assert "accuracy" not in models.results["drawn"].out


@pytest.fixture(scope="module")
def refused(workspace: tuple[Workspace, Clothes, nn.Module]) -> dict[str, Result]:
    """Builds that fail, two at a time, each with a repository of its own."""

    def build(name: str) -> Result:
        return workspace[0].run(
            *("--config-dir", "my", *REFUSED[name][0], *QUICK, "server=none"),
            f"repository.path=refused-{name}",
        )

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(REFUSED, pool.map(build, REFUSED), strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_packaged_is_told_and_nothing_is_published(
    workspace: tuple[Workspace, Clothes, nn.Module], refused: dict[str, Result], name: str
) -> None:
    """The key and the file are named, with what to do."""
    key, *said = REFUSED[name][1]
    assert refused[name].status == 2, refused[name].err
    assert refused[name].error.startswith(f"error: {key}")
    for part in said:
        assert part in refused[name].error
    assert tree(workspace[0].cwd / f"refused-{name}") == {}
    assert files_but_locks(workspace[0].cwd / f".refused-{name}.staging") == []
