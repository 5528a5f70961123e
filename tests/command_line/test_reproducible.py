"""The same recipe, data and seed: the same bytes, whoever builds, where, and whatever before."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .own_checkout import copy_checkout
from .own_files import nearest_mean, read_clothes, write_configuration, write_weights
from .program import Workspace, tree

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMON = (
    "dataset.max_train_samples=300",
    "dataset.max_test_samples=100",
    "serving.max_batch_size=4",
    "trainer.threads=1",
)
TRAINED = (*COMMON, "trainer.epochs=1", "trainer.batch_size=32")
ALONE = {
    "net": (
        *("model=fashion_cnn", "name=net", "export.optimize=none", "server=none", *TRAINED),
        *("architecture=module_class", "architecture.module_class=shop.scores:Sorter"),
        "trusted_packages=[shop]",
    ),
    "fashion_resnet18": ("model=fashion_resnet18", "server=none", *TRAINED),
    "packaged": (
        *("model=fashion_cnn", "name=packaged", "trainer=none", *COMMON),
        "architecture=torchscript",
    ),
}
"""Built alone in both places; the last one is proven by a real server."""

SWEPT = {
    f"{model}-optimize_{form}": (f"model={model}", f"export.optimize={form}")
    for model in ("fashion_cnn", "fashion_cnn_uint8")
    for form in ("channels_last", "none")
}
"""Built one by one in the first place, and by one sweep, in one process, in the second."""

SWEEP = ("-m", "model=fashion_cnn,fashion_cnn_uint8", "export.optimize=channels_last,none")


@dataclass(frozen=True, kw_only=True, slots=True)
class Twice:
    """Two directories, with a cache each, in which the same was built."""

    first: Path
    second: Path

    def versions(self, name: str) -> tuple[Path, Path]:
        """Return a model's version in both repositories."""
        return self.first / name / "1", self.second / name / "1"


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory, cache_home: Path) -> Twice:
    """Everything built twice, nothing taken from an earlier build; some builds at one time."""
    clothes = read_clothes(cache_home)
    checkout, files = (tmp_path_factory.mktemp(name) for name in ("checkout", "files"))
    copy_checkout(checkout)  # which nobody edits or commits meanwhile
    write_weights(nearest_mean(clothes), files)
    packaged = f"architecture.torchscript={files / 'script.pt'}"
    places = [Workspace(tmp_path_factory.mktemp(name)) for name in ("first", "second_place")]
    for place in places:
        write_configuration(place.cwd)
        (place.root / "cache").mkdir()
        (place.root / "cache" / "data").symlink_to(cache_home / "packager" / "data")
    one_by_one = {
        name: (f"name={name}", "server=none", *overrides, *TRAINED)
        for name, overrides in SWEPT.items()
    }
    commands = [
        *((places[0], overrides) for overrides in one_by_one.values()),
        (places[1], (*SWEEP, "server=none", *TRAINED)),
        *(
            (place, (*overrides, *([packaged] if name == "packaged" else [])))
            for name, overrides in ALONE.items()
            for place in places
        ),
    ]

    def run(command: tuple[Workspace, tuple[str, ...]]) -> None:
        place, overrides = command
        result = place.run(
            *overrides, f"cache.path={place.root / 'cache'}", PYTHONPATH=str(checkout)
        )
        assert result.status == 0, result.err

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, commands))
    return Twice(first=places[0].repository, second=places[1].repository)


def without_times(version: Path) -> Mapping[str, object]:
    """Return what a manifest says, but for the one part that may differ."""
    manifest: dict[str, object] = json.loads((version / "manifest.json").read_text())
    assert manifest.pop("times")
    return manifest


@pytest.mark.parametrize("name", [*SWEPT, *ALONE])
def test_a_version_is_the_same_to_the_byte(twice: Twice, name: str) -> None:
    """All files but the manifest, and the manifest but for its times; nothing else beside them."""
    first, second = twice.versions(name)
    files = [{**tree(version), "manifest.json": ""} for version in (first, second)]
    assert files[0] == files[1]
    assert without_times(first) == without_times(second)


@pytest.mark.parametrize("name", [*SWEPT, *ALONE])
def test_what_lies_beside_a_version_is_the_same(twice: Twice, name: str) -> None:
    """The config, the labels, and what the config has run while it loads."""
    first, second = (version.parent for version in twice.versions(name))
    assert tree(first / "warmup") == tree(second / "warmup") != {}
    for file in ("config.pbtxt", "labels.txt"):
        assert (first / file).read_bytes() == (second / file).read_bytes()


@pytest.mark.parametrize("name", ["net", "fashion_cnn-optimize_none"])
def test_no_place_on_this_machine_is_in_an_artifact(twice: Twice, name: str) -> None:
    """TorchScript notes source files, for what it says of errors: as imports name them."""
    content = (twice.versions(name)[0] / "model.pt").read_bytes()
    assert str(twice.first.parent).encode() not in content
    assert b"site-packages" not in content
    assert (b"shop/scores.py" in content) == (name == "net")
