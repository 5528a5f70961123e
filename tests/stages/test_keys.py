"""Keys of stages: of contents, wherever they lie, and of nothing else of the machine or the run."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from packager.spec.job import Stage
from packager.stages.output import Output
from packager.stages.start import begun
from packager.stages.walk import key_of

from . import walks

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.spec.job import Job

IDX = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
MADE = {Stage.train, Stage.optimize, Stage.export, Stage.parity}
ROOT = Path(__file__).parents[2]
CHOICES = (
    *("serving/hosts=cpu_and_gpu", "serving.version_policy.kind=all"),
    "export.optimize=auto",
)


def own(folder: Path, *overrides: str) -> Job:
    """Return a job of files of a user's own: data, a module's source, its first weights."""
    return walks.job(
        folder,
        *("dataset=idx", f"dataset.path={folder / 'idx'}", "name=own"),
        *("architecture=module_class", "architecture.module_class=shop.net:Net"),
        *("trusted_packages=[shop]", f"architecture.weights.path={folder / 'weights.pt'}"),
        *CHOICES,
        *overrides,
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a user's own files, from which modules are imported."""
    write(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def write(folder: Path) -> None:
    """Write a user's own files."""
    texts = {
        "shop/__init__.py": "",
        "shop/net.py": "import yaml, shop.parts\nfrom beside import WIDTH\n",
        "shop/parts.py": "class Part: ...\n",
        "shop/unused.py": "",
        "beside.py": "WIDTH = 3\n",
        "weights.pt": "weights",
        "script.pt": "script",
        "arrays.npz": "arrays",
        "photos/bag/1.png": "photo",
        **{f"idx/{name}": name for name in IDX},
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def keys(job: Job, **value: Any) -> dict[Stage, str]:
    """Return the keys of a job's stages, those before having given the same."""
    return {stage: key_of(read) for stage, read in walks.inputs(job, **value).items()}


def rewrite(path: Path) -> None:
    """Write other bytes, as many as before, and give the file the time that it had."""
    status = path.stat()
    path.write_bytes(path.read_bytes()[::-1] if path.stat().st_size > 1 else b"#")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size


def differing(before: dict[Stage, str], after: dict[Stage, str]) -> set[Stage]:
    """Return the stages whose keys are not the same."""
    return {stage for stage in before if before[stage] != after[stage]}


def printed(folder: Path, *overrides: str, cwd: Path, **environment: str) -> str:
    """Return what each stage reads, in a process of its own."""
    program = [sys.executable, "-m", "tests.stages.walks", str(folder)]
    path = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(
        [*program, *overrides],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path} | environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_nothing_of_the_machine_or_the_run_is_in_a_key(tmp_path: Path) -> None:
    """Other folders, working directory, home, time, order of sets and dicts: the same keys."""
    found = []
    for index, name in enumerate(("one", "other place")):
        folder, home = tmp_path / name, tmp_path / f"home{index}"
        write(folder)
        home.mkdir()
        overrides = (
            *("dataset=idx", f"dataset.path='{folder / 'idx'}'", "name=own"),
            *("architecture=module_class", "architecture.module_class=shop.net:Net"),
            *("trusted_packages=[shop]", f"architecture.weights.path='{folder / 'weights.pt'}'"),
            *CHOICES,
        )
        changed = overrides if index == 0 else tuple(reversed(overrides[1:])) + overrides[:1]
        places = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "TMPDIR": str(home)}
        found.append(
            printed(
                folder, *changed, cwd=home, PYTHONHASHSEED=str(index), **places, TZ=f"UTC{index}"
            )
        )
    assert found[0] == found[1]
    read = json.loads(found[0])
    assert sorted(read) == sorted(stage.value for stage in Stage)
    assert str(tmp_path) not in found[0]
    assert "shop/net.py" in read["train"]["code"]


def test_how_long_stages_took_is_in_no_key(folder: Path) -> None:
    """Nor what they told."""
    quick = keys(own(folder), seconds=0.1, finding="quick")
    assert quick == keys(own(folder), seconds=99.0, finding="slow")


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("weights.pt", MADE),
        ("shop/net.py", MADE),
        ("shop/parts.py", MADE),
        ("shop/__init__.py", MADE),
        ("beside.py", MADE),
        ("shop/unused.py", MADE),
        *((f"idx/{name}", {Stage.data}) for name in IDX),
    ],
)
def test_other_content_is_seen_in_place(folder: Path, file: str, stages: set[Stage]) -> None:
    """Of the same size, name and time."""
    before = keys(own(folder))
    assert keys(own(folder)) == before
    with (folder / file).open("ab") as stream:
        stream.write(b"#" if not (folder / file).stat().st_size else b"")
    rewrite(folder / file)
    assert differing(before, keys(own(folder))) == stages


@pytest.mark.parametrize(
    ("overrides", "file", "stages"),
    [
        (("dataset=npz", "dataset.path={}/arrays.npz"), "arrays.npz", {Stage.data}),
        (("dataset=image_folder", "dataset.path={}/photos"), "photos/bag/1.png", {Stage.data}),
        (
            (
                *("architecture=torchscript", "architecture.torchscript={}/script.pt"),
                *("dataset=none", "trainer=none"),
                "inputs=[{{name: x, data_type: FP32, dims: [4]}}]",
            ),
            "script.pt",
            {Stage.export, Stage.parity},
        ),
    ],
)
def test_other_files_are_seen_as_well(
    folder: Path, overrides: tuple[str, ...], file: str, stages: set[Stage]
) -> None:
    """Arrays, photos, a packaged model."""

    def job() -> Job:
        given = [
            "architecture=fashion_cnn",
            "name=own",
            *(text.format(folder) for text in overrides),
        ]
        return walks.job(folder, *given)

    before = keys(job())
    rewrite(folder / file)
    assert differing(before, keys(job())) == stages


@pytest.mark.parametrize(
    "change",
    [
        lambda photos: (photos / "bag" / "1.png").rename(photos / "bag" / "2.png"),
        lambda photos: shutil.copy(photos / "bag" / "1.png", photos / "bag" / "2.png"),
        lambda photos: (photos / "bag").rename(photos / "shirt"),
    ],
)
def test_a_folder_of_photos_is_its_names_too(folder: Path, change: Callable[[Path], Any]) -> None:
    """They say the class and the split."""
    photos = ("dataset=image_folder", f"dataset.path={folder / 'photos'}", "name=own")
    before = keys(walks.job(folder, "architecture=fashion_cnn", *photos))
    change(folder / "photos")
    assert differing(before, keys(walks.job(folder, "architecture=fashion_cnn", *photos))) == {
        Stage.data
    }


def test_libraries_of_a_users_module_are_its_own(folder: Path) -> None:
    """By the names that they are installed by; a shipped recipe has none of them."""
    found = walks.inputs(own(folder))
    version = importlib.metadata.version("PyYAML")
    having = {stage for stage in Stage if found[stage]["libraries"].get("PyYAML") == version}
    assert having == MADE


def test_a_module_that_is_not_there_is_never_taken_for_another(folder: Path) -> None:
    """Building it tells that; a module without source has no key that ever comes again."""
    (folder / "shop" / "net.py").unlink()
    assert differing(keys(own(folder)), keys(own(folder))) == MADE


@pytest.mark.parametrize("file", ["shop/net.py", "weights.pt"])
def test_what_changes_while_a_stage_runs_is_not_kept(folder: Path, file: str) -> None:
    """Neither under the old key nor under the new one: nobody knows what the result is of."""
    with begun(own(folder)) as walk:
        take_data(walk)
        inputs = walk.inputs(Stage.train)
        rewrite(folder / file)
        output = Output(value={"weights": walks.DIGEST, "finding": ""})
        walk.keep(Stage.train, output, inputs=inputs, seconds=1.0)
        assert walk.results[Stage.train].value["weights"] == walks.DIGEST
    with begun(own(folder)) as walk:
        take_data(walk)
        assert walk.find(Stage.train) is None
        rewrite(folder / file)  # as it was
    with begun(own(folder)) as walk:
        take_data(walk)
        assert walk.find(Stage.train) is None


def test_source_that_changes_before_its_stage_runs_is_not_what_runs(folder: Path) -> None:
    """Python has loaded the old one; what it gives is not kept for the new."""
    with begun(own(folder)) as walk:
        walk.note_code()
        rewrite(folder / "shop" / "net.py")
        take_data(walk)
        output = Output(value={"weights": walks.DIGEST, "finding": ""})
        walk.keep(Stage.train, output, inputs=walk.inputs(Stage.train), seconds=1.0)
    with begun(own(folder)) as walk:
        take_data(walk)
        assert walk.find(Stage.train) is None


def take_data(walk: Any) -> None:
    """Go on to training."""
    walk.fetched = None
    walk.take(Stage.data, walks.pretended(Stage.data, walk))
