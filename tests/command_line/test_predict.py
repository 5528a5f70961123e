"""`task=predict`: real pictures through a real server, with the labels that the module gives."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from packager.client import Client
from packager.datasets.decoding import decode, open_image, scale
from packager.server.embedded import embedded
from packager.server.running import Endpoints
from packager.spec.server import ControlMode, EmbeddedServerSpec
from tests.prediction import pages

from .program import FASHION, PACKAGER, Workspace
from .served_answers import scores

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Built, Images, Served
    from .program import Workspace

COUNT = 6


@pytest.fixture(scope="module")
def labels(built: Built) -> list[str]:
    """The model's own."""
    model = built.workspace.repository / "fashion_cnn"
    return (model / "labels.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def pictures(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first real test images as files of several kinds."""
    folder = tmp_path_factory.mktemp("pictures")
    first = (images[:COUNT, 0] * 255).round().astype(np.uint8)
    for number, pixels in enumerate(first):
        Image.fromarray(pixels).save(folder / f"{number}.png")
        Image.fromarray(255 - pixels).save(folder / f"inverted-{number}.png")
    (folder / "album" / "large").mkdir(parents=True)
    large = Image.fromarray(first[1]).resize((200, 300)).convert("RGB")
    large.save(folder / "album" / "large" / "1.jpg", quality=95)
    Image.fromarray(first[2]).convert("RGBA").save(folder / "album" / "2.tif")
    (folder / "album" / "broken.png").write_text("hello")
    return folder


def _asked(served: Served) -> tuple[str, str]:
    return "server=external", f"server.url={served.url}"


def _probabilities(built: Built, images: Images) -> Images:
    """What the module answers, as probabilities [N, 10]."""
    answers = torch.from_numpy(scores(built.workspace.repository, 1, images))
    return np.array(answers.softmax(1))


def _as_training_reads(path: Path) -> Images:
    """A file's pixels as a dataset of such files would give them to the module, [1, 1, 28, 28]."""
    pixels = scale(decode(open_image(str(path)), 1), (28, 28))
    return pixels[None].astype(np.float32) / 255


def _require(found: dict[str, Any], expected: Images, labels: list[str]) -> None:
    """Check a picture's JSON against probabilities [10]."""
    best = expected.argsort()[::-1][: len(found["top"])]
    assert [one["label"] for one in found["top"]] == [labels[index] for index in best]
    np.testing.assert_allclose(
        [one["probability"] for one in found["top"]], expected[best], atol=1e-4
    )
    assert (found["label"], found["index"]) == (labels[best[0]], best[0])


def test_pictures_from_everywhere_get_the_modules_labels(
    built: Built, served: Served, images: Images, pictures: Path, labels: list[str]
) -> None:
    """Files, a folder, a pattern, a URL; what is no picture is named and the others go on."""
    page = pages.content((pictures / "4.png").read_bytes())
    with pages.served({"/a.png?x=1&y=[2]": page}) as site:
        meant = [f"{pictures}/0.png", f"{pictures}/album", f"{pictures}/[35].png",
                 f"{site}/a.png?x=1&y=[2]", f"{pictures}/gone.png", f"{site}/gone.png",
                 f"{pictures}/0.png"]  # fmt: skip
        quoted = ",".join(f'"{name}"' for name in meant)
        result = built.workspace.run(
            "task=predict", "task.model=fashion_cnn", f"task.images=[{quoted}]",
            "task.format=json", *_asked(served),
        )  # fmt: skip
    assert result.status == 1
    assert result.error.startswith("error: task.images: 3 of 10 could not be classified")
    found = json.loads(result.out)
    assert (found["model"], found["version"]) == ("fashion_cnn", 1)
    files = [f"{pictures}/{name}" for name in ("0.png", "album/2.tif", "album/broken.png",
             "album/large/1.jpg", "3.png", "5.png")]  # fmt: skip
    told = found["predictions"]
    assert [one["file"] for one in told] == [*files, *meant[3:]]
    assert [one.get("error") for one in told] == [
        None, None, "it is no image of a known kind", None, None, None, None,
        "no such file or folder", "the server answers 404 Not Found", None,
    ]  # fmt: skip
    expected = _probabilities(built, images[:COUNT])
    for place, number in ((0, 0), (1, 2), (4, 3), (5, 5), (6, 4), (9, 0)):
        _require(told[place], expected[number], labels)
    (scaled,) = _probabilities(built, _as_training_reads(pictures / "album/large/1.jpg"))
    _require(told[3], scaled, labels)


def test_what_is_dark_on_light_is_inverted_on_request(
    built: Built, served: Served, images: Images, pictures: Path, labels: list[str]
) -> None:
    """To the very pixels of training; JSON as protocol, CSV as result, in a file."""
    output = built.workspace.root / "found.csv"
    result = built.workspace.run(
        "task=predict", "task.model=fashion_cnn", f'task.images="{pictures}/inverted-*.png"',
        "task.invert=true", "task.top=2", "task.protocol=json", "task.format=csv",
        f"task.output={output}", *_asked(served),
    )  # fmt: skip
    assert (result.status, result.out) == (0, ""), result.err
    rows = list(csv.DictReader(io.StringIO(output.read_text())))
    expected = _probabilities(built, images[:COUNT])
    assert [row["label"] for row in rows] == [labels[index] for index in expected.argmax(1)]
    np.testing.assert_allclose(
        [float(row["probability"]) for row in rows], expected.max(1), atol=1e-5
    )
    assert all(row["error"] == "" and row["label_2"] for row in rows)


def test_a_server_of_ours_loads_the_model_alone(
    built: Built, workspace: Workspace, images: Images, pictures: Path, labels: list[str]
) -> None:
    """From standard input, over gRPC, as a table; without torch of its own, and it ends."""
    piped = ("sh", "-c", f'exec "$0" "$@" < {pictures}/3.png', *PACKAGER)
    result = workspace.run(
        "task=predict", "task.model=fashion_cnn", "task.images=-", "task.protocol=grpc",
        "server=embedded", f"repository.path={built.workspace.repository}", command=piped,
    )  # fmt: skip
    assert result.status == 0, result.err
    assert result.err == ""
    title, *lines = result.out.splitlines()
    assert title.strip() == "fashion_cnn version 1"
    (row,) = [line for line in lines if line.startswith("│")]
    (expected,) = _probabilities(built, images[3:4])
    _, file, label, probability, _next, _ = [cell.strip() for cell in row.split("│")]
    assert (file, label) == ("-", labels[expected.argmax()])
    assert probability == f"{expected.max():.2%}"
    workspace.wait_until_nothing_is_left(within_s=10)


def test_ctrl_c_while_a_server_of_ours_loads_the_model(
    built: Built, workspace: Workspace, pictures: Path
) -> None:
    """Status 130 and one line, of ours only; nothing is left."""
    with workspace.start(
        "task=predict", "task.model=fashion_cnn", f"task.images={pictures}/3.png",
        "server=embedded", f"repository.path={built.workspace.repository}",
    ) as running:  # fmt: skip
        running.wait_until(lambda: any("_stub" in one for one in workspace.processes()))
        running.signal_group(signal.SIGINT)
        result = running.result()
    assert (result.status, result.out, result.err) == (130, "", "interrupted\n")
    workspace.wait_until_nothing_is_left(within_s=10)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("task.model=nobody",), "task.model: there is no model 'nobody'. Remedy: choose of "),
        (("task.model=fashion_cnn", "task.version=9"),
         "task.version: version 9 of fashion_cnn is not served. Remedy: choose of 1."),
        (("task.model=cut_short",), "cut_short: the server has not got it ready: "),
        (("task.model=fashion_cnn", "model=fashion_cnn", "repository.path=elsewhere",
          "dataset.resize=[32,32]"),
         "fashion_cnn: takes input0 FP32 [-1, 1, 28, 28], and its preprocessing gives float32"),
        (("task.model=fashion_cnn", "repository.path=elsewhere"),
         "fashion_cnn/1: no manifest says how its pictures are prepared"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_one_clear_error(
    built: Built, served: Served, pictures: Path, arguments: tuple[str, ...], told: str
) -> None:
    """Of a server that runs: which models and versions there are, and what they take."""
    result = built.workspace.run(
        "task=predict", f"task.images={pictures}/0.png", *arguments, *_asked(served)
    )
    assert result.status == (4 if "cut_short" in told else 2)
    assert result.error.startswith(f"error: {told}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "task.images: is not given"),
        (("task.images=a=1.png",), "task.images=a=1.png: cannot be read: mismatched input '='"),
        (("task.images=a.png", "task.output=/"), "task.output: is a folder"),
    ],
)
def test_what_is_asked_wrongly_costs_no_server(
    workspace: Workspace, arguments: tuple[str, ...], told: str
) -> None:
    """The key and what to do; how a name is quoted, ready to be pasted."""
    result = workspace.run("task=predict", *arguments)
    assert result.status == 2
    assert result.error.startswith(f"error: {told}")
    if "a=1" in told:
        assert """'task.images="a=1.png"'""" in result.error


def test_pictures_of_which_none_is_there_cost_no_server(workspace: Workspace) -> None:
    """There is not even a repository here."""
    result = workspace.run(
        "task=predict", 'task.images=["no where.png","*.png"]', "task.format=csv"
    )
    assert result.status == 1
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert [(row["file"], row["error"]) for row in rows] == [
        ("no where.png", "no such file or folder"),
        ("*.png", "no file matches"),
    ]


def test_the_manifest_beats_a_recipe_that_prepares_otherwise(
    built: Built, served: Served, images: Images, pictures: Path, labels: list[str]
) -> None:
    """It is what the version was trained and proven with; the difference is told."""
    result = built.workspace.run(
        "task=predict", *FASHION, "dataset.invert=true", f"task.images={pictures}/1.png",
        "task.format=json", *_asked(served),
    )  # fmt: skip
    assert result.status == 0, result.err
    assert "recipe's is another than that of fashion_cnn/1, which is used" in result.err
    (expected,) = _probabilities(built, images[1:2])
    _require(json.loads(result.out)["predictions"][0], expected, labels)


def test_a_server_that_answers_and_is_not_ready_says_why(
    built: Built, workspace: Workspace, pictures: Path
) -> None:
    """A strict one, in which a model failed to load."""
    shutil.copytree(
        built.workspace.repository / "fashion_cnn", workspace.repository / "fashion_cnn"
    )
    (workspace.repository / "fashion_cnn" / "1" / "model.pt").write_bytes(b"PK\3\4 cut short")
    with embedded(
        EmbeddedServerSpec(),
        workspace.repository,
        control=ControlMode.explicit,
        extra_flags=["--strict-readiness=true"],
    ) as server:
        with Client(Endpoints(http=server.endpoints.http)) as client:
            assert client.is_ready()
            with pytest.raises(Exception, match="failed to load"):
                client.load("fashion_cnn")
            assert not client.is_ready()
        result = workspace.run(
            "task=predict", f"task.images={pictures}/0.png", "server=external",
            f"server.url={server.endpoints.http}", "server.ready_timeout_s=0.2",
        )  # fmt: skip
    assert result.status == 4
    assert "answers at" in result.error
    assert "is not ready: fashion_cnn: " in result.error
    assert "failed reading zip archive" in result.error
