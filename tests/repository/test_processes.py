"""Publishers that are processes of their own: many at once, waiting ones, dead ones."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from packager.repository import journal, locks, shared, staging
from packager.repository.journal import Kind
from packager.repository.layout import ModelPaths
from packager.repository.publish import prepare
from packager.repository.staging import lock_file, scratch
from packager.repository.versions import versions

from . import kills
from .consistency import left_in_staging, problems
from .mounts import mounted, needs_mount
from .publisher import Change
from .staging import fill, leftovers, publish_marked, repository_in, tree

if TYPE_CHECKING:
    from pathlib import Path

MANY = 16


def _publish_together(arguments: list[str]) -> list[int]:
    with ThreadPoolExecutor(MANY) as pool:
        return sorted(pool.map(kills.publish, [arguments] * MANY))


@pytest.mark.parametrize("change", [Change.same, Change.breaking])
def test_sixteen_processes_give_sixteen_whole_versions(tmp_path: Path, change: Change) -> None:
    """Of one model, new to all of them; none is lost, and the last one's config is served."""
    numbers = list(range(1, MANY + 1))
    assert _publish_together([str(tmp_path), "m", change.value, "0"]) == numbers
    assert problems(tmp_path, "m", change, expected=numbers) == []
    assert versions(tmp_path / "models" / "m") == tuple(numbers)
    assert left_in_staging(tmp_path) == []


def test_sixteen_processes_that_build_the_same_give_one_version(tmp_path: Path) -> None:
    """Whoever comes first publishes; for the others there is nothing to do."""
    arguments = [str(tmp_path), "m", Change.same.value, "0", "identical"]
    assert _publish_together(arguments) == [1] * MANY
    assert versions(tmp_path / "models" / "m") == (1,)
    assert left_in_staging(tmp_path) == []


def test_the_same_is_published_again_where_it_is_damaged(tmp_path: Path) -> None:
    """A file that is not as its manifest says, or a config that another wrote."""
    arguments = [str(tmp_path), "m", Change.same.value, "0", "identical"]
    model = ModelPaths(tmp_path / "models" / "m")
    assert [kills.publish(arguments) for _ in range(2)] == [1, 1]
    model.artifact(1).write_text(json.dumps({"number": 1}))
    assert [kills.publish(arguments) for _ in range(2)] == [2, 2]
    model.config.write_text(f"{model.config.read_text()}# by hand\n")
    assert [kills.publish(arguments) for _ in range(2)] == [3, 3]


def test_a_publisher_that_waits_says_so_and_can_be_interrupted(tmp_path: Path) -> None:
    """For a lock that a living process holds: it names the model, and Ctrl-C ends it."""
    repository = repository_in(tmp_path)
    publish_marked(repository, "a", name="fashion")
    before = tree(repository.path)
    command = [sys.executable, "-m", "tests.repository.publisher"]
    with (
        locks.held(lock_file(repository, "fashion"), waiting_for="nobody"),
        subprocess.Popen(
            [*command, str(tmp_path), "fashion", "same", "0"], stderr=subprocess.PIPE, text=True
        ) as waiting,
    ):
        assert waiting.stderr is not None
        assert "waiting for another process that publishes fashion" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(timeout=10) == -signal.SIGINT
    assert tree(repository.path) == before
    assert leftovers(repository) == []


def test_work_of_the_dead_goes_and_that_of_the_living_stays(tmp_path: Path) -> None:
    """Told apart by the lock of their owner, which goes with its process."""
    repository = repository_in(tmp_path)
    program = f"""
import pathlib, time
from packager.repository.staging import scratch
from packager.spec.recipe import RepositorySpec
root = pathlib.Path({str(tmp_path)!r})
spec = RepositorySpec(path=root / "models", staging=root / ".models.staging")
with scratch(spec, "dead") as folder:
    (folder / "model").mkdir()
    print(flush=True)
    time.sleep(60)
"""
    with (
        scratch(repository, "living") as living,
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as owner,
    ):
        assert owner.stdout is not None
        owner.stdout.readline()
        prepare(repository)
        assert len(leftovers(repository)) == 4
        owner.kill()
        owner.wait()
        prepare(repository)
        assert sorted(leftovers(repository)) == [living.name, f"{living.name}.owner"]
    assert leftovers(repository) == []


def test_what_is_not_ours_in_staging_stays(tmp_path: Path) -> None:
    """A folder of the user's, and the journal of another repository's model of that name."""
    repository = repository_in(tmp_path)
    (repository.staging / "m-12345678").mkdir()
    other = ModelPaths(tmp_path / "other" / "m")
    begun = journal.begin(repository, other, Kind.serve, sets={"after": {"config.pbtxt": b"x"}})
    publish_marked(repository, "a")
    prepare(repository)
    assert sorted(leftovers(repository)) == sorted(["m-12345678", begun.folder.name])
    assert not other.directory.exists()


def test_a_journal_that_was_never_finished_is_forgotten(tmp_path: Path) -> None:
    """Nothing was done by it."""
    repository = repository_in(tmp_path)
    publish_marked(repository, "a")
    before = tree(repository.path)
    sets = {"after": {"config.pbtxt": b"never"}}
    begun = journal.begin(repository, ModelPaths(repository.path / "m"), Kind.serve, sets=sets)
    (begun.folder / Kind.serve.value).unlink()
    (begun.folder / journal.PLAN).write_text("{")
    prepare(repository)
    assert tree(repository.path) == before
    assert leftovers(repository) == []


@pytest.mark.parametrize("kind", [Kind.serve, Kind.restore, Kind.withdraw])
def test_a_change_that_was_begun_is_finished_by_whoever_prepares(
    tmp_path: Path, kind: Kind
) -> None:
    """Another version served, the state before restored, a version withdrawn."""
    repository = repository_in(tmp_path)
    publish_marked(repository, "a")
    model = ModelPaths(repository.path / "m")
    before = shared.read(model)
    first = tree(model.directory)
    publish_marked(repository, "b")
    sets = {"after": before, "left": before, "before": before}
    journal.begin(repository, model, kind, version=2, sets=sets)
    prepare(repository)
    assert shared.read(model) == before
    assert (tree(model.directory) == first) is (kind is Kind.withdraw)
    assert leftovers(repository) == []


@needs_mount
def test_what_cannot_be_finished_stops_no_other_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, and done as soon as it can be."""
    repository = repository_in(tmp_path)
    publish_marked(repository, "a")
    model = ModelPaths(repository.path / "m")
    sets = {"after": {"config.pbtxt": b"# wanted\n"}}
    with mounted(model.config, "--bind", str(model.config)):
        journal.begin(repository, model, Kind.serve, sets=sets)
        prepare(repository)
        assert "m was left unfinished" in caplog.text
        publish_marked(repository, "a", name="other")
    prepare(repository)
    assert model.config.read_text() == "# wanted\n"
    assert leftovers(repository) == []


def test_locks_are_exclusive_although_their_files_are_removed(tmp_path: Path) -> None:
    """Eight threads take one lock by turns, each removing its file: never two at a time."""
    path = tmp_path / "m.lock"
    inside: list[int] = []
    seen = []

    def one(number: int) -> None:
        for _ in range(5):
            with locks.held(path, waiting_for="a thread"):
                inside.append(number)
                time.sleep(0.002)
                seen.append(len(inside))
                inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    assert seen == [1] * 40
    assert not path.exists()


def test_a_staged_model_may_be_left_half_written(tmp_path: Path) -> None:
    """By a process that was killed before it published: nothing of it is ever seen."""
    repository = repository_in(tmp_path)
    with staging.staged(repository, "m") as model:
        fill(model, "a")
        prepare(repository)
        assert model.directory.exists()
    assert tree(repository.path) == {}
