"""`task=evaluate` and `task=profile`: the served model's accuracy and speed."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from packager.client import Client
from packager.errors import FindingsError, PackagerError
from packager.load.closed_loop import LoadSettings
from packager.server.running import Endpoints
from packager.spec.asking import Protocol
from packager.tasks.dispatch import run_task
from packager.tasks.evaluate import Evaluation
from tests.model_config.composing import job

from .program import FASHION, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Built, Served

EVALUATE = (*FASHION, "task=evaluate")


def at(served: Served) -> tuple[str, str]:
    """The overrides that ask the running server."""
    return "server=external", f"server.url={served.url}"


def here(built: Built, served: Served, *changes: str) -> None:
    """Run a task in this process, which has imported torch already."""
    place = f"repository.path={built.workspace.repository}"
    run_task(job(*EVALUATE, *at(served), place, *changes))


def published_accuracy(built: Built) -> float:
    """What the manifest of version 1 says."""
    manifest = built.workspace.repository / "fashion_cnn" / "1" / "manifest.json"
    return float(json.loads(manifest.read_text())["metrics"]["accuracy"])


@pytest.mark.parametrize("protocol", ["json", "binary", "shm"])
def test_the_served_accuracy_is_the_published_one(
    built: Built, served: Served, protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """All test images, counted; nothing is partial."""
    here(built, served, f"task.protocol={protocol}", "task.format=json", "task.batch=64")
    found: Any = json.loads(capsys.readouterr().out)
    assert found["accuracy"] == found["published_accuracy"] == published_accuracy(built)
    assert (found["asked"], found["images"], found["requests"]) == (200, 200, 4)
    assert found["correct"] == round(found["accuracy"] * 200)
    assert found["partial"] is False
    assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"]
    assert found["samples_per_second"] > 0


def test_without_a_server_one_is_started(built: Built, tmp_path: Path) -> None:
    """It loads that model alone; over gRPC; the result goes to a file, a table is printed."""
    output = tmp_path / "results" / "fashion.json"
    result = built.workspace.run(*EVALUATE, "task.protocol=grpc", f"task.output={output}")
    assert result.status == 0, result.err
    assert f"{published_accuracy(built):.2%}" in result.out
    assert json.loads(output.read_text())["protocol"] == "grpc"
    assert [path.name for path in output.parent.iterdir()] == ["fashion.json"]


def test_another_accuracy_than_the_manifests_ends_with_3(
    with_version_1: Workspace, served: Served
) -> None:
    """The result is printed all the same."""
    manifest = with_version_1.repository / "fashion_cnn" / "1" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["metrics"]["accuracy"] += 0.02
    manifest.write_text(json.dumps(content))
    result = with_version_1.run(*EVALUATE, *at(served))
    assert result.status == 3
    assert "the served model has accuracy" in result.error
    assert "published" in result.out


def test_a_part_of_the_images_is_not_compared(
    built: Built, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """And that is said."""
    here(built, served, "task.limit=50", "task.format=json")
    found = json.loads(capsys.readouterr().out)
    assert (found["images"], found["published_accuracy"]) == (50, None)
    assert found["not_compared"] == "not all test images are asked"


@pytest.mark.parametrize(
    ("correct", "differs"), [(200, False), (199, False), (201, False), (198, True), (202, True)]
)
def test_one_image_more_or_less_is_no_other_accuracy(correct: int, *, differs: bool) -> None:
    """Counted in images: 1/200 has no exact float."""
    settings = LoadSettings(protocol=Protocol.binary, concurrency=1, rows=1)
    for images in (300, 700, 997):
        found = Evaluation(model="m", version=1, images=images, settings=settings, batch=1)
        found.published, found.correct = 200 / images, correct
        found.timings.samples = images
        assert found.differs is differs


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_what_was_answered_before_a_signal_is_told(
    workspace: Workspace, served: Served, number: signal.Signals, status: int, word: str
) -> None:
    """As partial, and the status is the signal's; nothing is said of asyncio."""
    every = ("dataset.max_test_samples=null", "task.batch=1", "task.concurrency=1")
    with Client(Endpoints(http=served.url.removeprefix("http://"))) as client:
        before = client.durations("fashion_cnn", 1)
        with workspace.start(*EVALUATE, *every, *at(served)) as running:
            running.wait_until(
                lambda: client.durations("fashion_cnn", 1).since(before).requests > 20
            )
            running.signal_group(number)
            result = running.result()
    assert result.status == status, result.err
    assert result.err.endswith(f"\n{word}\n")
    assert "Traceback" not in result.err
    assert "PARTIAL, " in result.out
    assert "of 10,000 images" in result.out


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        (["task.model=nobody"], 2, "there is no model 'nobody'"),
        (["task.version=7"], 2, "version 7 of fashion_cnn is not served"),
        (["task.model=cut_short"], 4, "the server has not got it ready: "),
        (["task.batch=129"], 2, "the model takes at most 128 at once"),
        (["dataset.resize=[14,14]"], 2, "takes input0 FP32 [-1, 1, 28, 28], and the images are"),
        (["dataset.normalize.mean=[0.5]", "dataset.normalize.std=[0.5]"], 2, "prepares images"),
        (["task.output=/proc/no/result.json"], 4, "task.output: "),
        (["task.timeout_s=0.000001", "task.retries=0"], 4, "does not answer any more"),
        (["task.protocol=grpc"], 4, "the server's gRPC address is not known"),
        (["server.url=127.0.0.1:9", "server.ready_timeout_s=0.1"], 4, "no ready Triton answered"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(
    built: Built,
    served: Served,
    *,
    changes: list[str],
    status: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Names what there is, or what the model takes; no result is told, as none is known."""
    with pytest.raises(PackagerError) as caught:
        here(built, served, *changes)
    assert words in str(caught.value)
    assert caught.value.exit_code == status
    assert capsys.readouterr().out == ""


def profile(served: Served, *changes: str) -> None:
    """Profile the running server's fashion_cnn in this process, at few points and shortly."""
    few = ("task.seconds=0.2", "task.concurrency=[1,2]", "task.batch=[1,4]")
    run_task(job("task=profile", "task.model=fashion_cnn", *at(served), *few, *changes))


def test_a_profile_has_every_point_the_best_and_a_picture(
    built: Built, served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Measured on the running server, over concurrency and batch."""
    assert built.result.status == 0
    profile(served, "task.p99_ms=60000", f"task.output={tmp_path / 'profile'}")
    assert "best with a p99 of at most 60000 ms: " in capsys.readouterr().out
    found = json.loads((tmp_path / "profile" / "profile.json").read_text())
    points = found["points"]
    places = [(one["batch"], one["concurrency"]) for one in points]
    assert places == [(1, 1), (1, 2), (4, 1), (4, 2)]
    assert not found["partial"]
    assert found["best"] == max(points, key=lambda one: one["samples_per_second"])
    assert all(one["requests"] > 0 and one["compute_ms"] > 0 for one in points)
    assert (tmp_path / "profile" / "profile.png").read_bytes().startswith(b"\x89PNG")


def test_points_before_a_signal_are_told(
    workspace: Workspace, served: Served, tmp_path: Path
) -> None:
    """As partial, on the screen and in the file."""
    many = ("task.concurrency=[1,2,3,4,5,6,7,8]", "task.batch=[1,2,4,8]", "task.seconds=0.5")
    output = tmp_path / "profile"
    asked = ("task=profile", "task.model=fashion_cnn", f"task.output={output}")
    with Client(Endpoints(http=served.url.removeprefix("http://"))) as client:
        before = client.durations("fashion_cnn", 1)
        with workspace.start(*asked, *many, *at(served)) as running:
            running.wait_until(
                lambda: client.durations("fashion_cnn", 1).since(before).requests > 0
            )
            time.sleep(2.0)  # some points
            running.signal_group(signal.SIGINT)
            result = running.result()
    assert result.status == 130, result.err
    assert "Traceback" not in result.err
    found = json.loads((output / "profile.json").read_text())
    assert found["partial"]
    assert 0 < len(found["points"]) < found["points_asked"] == 32
    assert f"PARTIAL, {len(found['points'])} of 32 points" in result.out


def test_without_batches_the_usual_ones_are_measured(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of 1, 8 and 32 that the model takes: up to 128."""
    few = ("task.batch=[]", "task.concurrency=[1]", "task.seconds=0.1", "task.format=json")
    profile(served, *few)
    points = json.loads(capsys.readouterr().out)["points"]
    assert [point["batch"] for point in points] == [1, 8, 32]


def test_a_budget_that_no_point_keeps_ends_with_1(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """The points are printed all the same."""
    with pytest.raises(FindingsError, match=r"no point has a p99 of at most 0\.001 ms"):
        profile(served, "task.p99_ms=0.001", "task.format=json")
    assert json.loads(capsys.readouterr().out)["best"] is None


def test_instances_of_another_server_are_not_changed(served: Served) -> None:
    """They are given to a server of our own only."""
    with pytest.raises(PackagerError, match="only a server of our own"):
        profile(served, "task.instances=[2]")
