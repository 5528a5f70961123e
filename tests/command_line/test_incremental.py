"""Building again: only the stages run that read something else, and a plan knows it before."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from packager.datasets.fetch import fetch
from packager.spec.job import Stage
from tests.model_config import composing
from tests.repository.mounts import needs_mount, read_only, tmpfs

from .own_checkout import (
    MODEL,
    STAGES,
    Lab,
    commented,
    copy_checkout,
    ran_torch,
    reused,
    snapshot,
    told_reused,
)
from .program import Workspace, files_but_locks, tree

if TYPE_CHECKING:
    from pathlib import Path

    from .program import Result

AFTER_TRAINING = {"export", "contract", "batching", "parity", "live"}
EDITS = {
    # The config names a sample of the data by its content.
    "packager/datasets/formats.py": {"data", "train", "render", "rules", *AFTER_TRAINING},
    "packager/training/optimization.py": {"train", *AFTER_TRAINING},
    "packager/tasks/training.py": {"train", *AFTER_TRAINING},
    "packager/export/fresh_process.py": AFTER_TRAINING,
    "packager/model_config/render.py": {"render", "rules", "live"},
    "templates/config.pbtxt.j2": {"render", "rules", "contract", "live"},
    "packager/proof/triton_rules.py": {"rules"},
    "packager/proof/closeness.py": {"batching", "parity", "live"},
    "packager/server/backends/pytorch/model.py": {"live"},
    "packager/console.py": set(),
    "packager/tasks/build.py": set(),
}
"""By file: the stages that run again once a comment is added to it."""

TWO = "serving.instance_group.count=2"
UNCHANGED = f"{MODEL} is unchanged: version 1 in model_repository is the same"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, cache_home: Path) -> Lab:
    """One build, by a copy of packager's source; tests that change anything fork it."""
    data = cache_home / "packager" / "data"
    fetch(composing.dataset(f"model={MODEL}"), cache=data)
    checkout = copy_checkout(tmp_path_factory.mktemp("checkout"))
    made = Lab(
        workspace=Workspace(tmp_path_factory.mktemp("incremental")), checkout=checkout, data=data
    )
    made.prepare().built()
    return made


def planned_and_built(lab: Lab, *overrides: str) -> Result:
    """Plan and run a build that must succeed, and see that it did what the plan had said."""
    before = lab.versions
    plan = lab.plan(*overrides)
    result = lab.built(*overrides)
    version = plan["version"]
    assert lab.versions == (before if version is None else [*before, version])
    if version is None and reused(plan["steps"]) == set(STAGES):
        assert "is unchanged" in result.out
        assert result.err == ""
    else:
        assert told_reused(result) == reused(plan["steps"]) - {"render"}
    return result


@pytest.mark.parametrize("file", EDITS)
def test_an_edited_file_runs_its_stages_and_those_after_them(lab: Lab, file: str) -> None:
    """The plan names it; what clients see stays the same, unless the config's text changed."""
    with commented(lab.checkout / file):
        plan = lab.plan()
    steps = {step["stage"]: step for step in plan["steps"]}
    assert set(STAGES) - reused(plan["steps"]) == EDITS[file]
    reasons = " ".join(step["reason"] for step in plan["steps"])
    assert (f"changed because source {file} changed" in reasons) == bool(EDITS[file])
    assert all(steps[stage]["reason"] == "reused" for stage in set(STAGES) - EDITS[file])


def test_an_edited_proof_is_made_again_and_nothing_published(lab: Lab, tmp_path: Path) -> None:
    """The version that is there is the same."""
    fork = lab.fork(tmp_path)
    with commented(lab.checkout / "packager/proof/closeness.py"):
        result = planned_and_built(fork)
    assert UNCHANGED in result.out
    assert fork.versions == [1]


def test_an_edited_template_is_a_new_version_of_the_same_model(lab: Lab, tmp_path: Path) -> None:
    """The plan shows the text that changes."""
    fork = lab.fork(tmp_path)
    with commented(lab.checkout / "templates/config.pbtxt.j2"):
        assert "+# another comment" in fork.plan()["config_diff"]
        planned_and_built(fork)
    assert fork.artifact(2) == fork.artifact(1)
    assert (fork.model / "config.pbtxt").read_text().endswith("# another comment\n")


def test_an_unchanged_build_imports_no_torch_and_writes_nothing(lab: Lab) -> None:
    """Status 0; only when results were last used is noted in the cache."""
    lab.built()  # files that were too new to be trusted are not any more
    before = snapshot(lab.workspace.cwd, lab.workspace.temporary)
    kept = tree(lab.stages)
    python = (sys.executable, "-X", "importtime", "-m", "packager")
    result = lab.run(command=python)
    assert result.status == 0
    assert UNCHANGED in result.out
    assert not ran_torch(result)
    assert snapshot(lab.workspace.cwd, lab.workspace.temporary) == before
    assert tree(lab.stages) == kept


def test_more_instances_retrain_and_export_nothing(lab: Lab, tmp_path: Path) -> None:
    """The plan names the key, shows the line and says what Triton does."""
    fork = lab.fork(tmp_path)
    plan = fork.plan(TWO)
    reasons = {step["stage"]: step["reason"] for step in plan["steps"]}
    assert reasons["render"] == "changed because serving.instance_group.count 1 -> 2"
    assert "-  count: 1\n+  count: 2\n" in plan["config_diff"]
    assert plan["triton"] == ["loads version 2", "drops version 1 (policy latest 1)"]
    assert (plan["present_versions"], plan["served_versions"]) == ([1], [1])
    result = planned_and_built(fork, TWO)
    assert told_reused(result) == {"data", "train", "export", "batching", "parity"}
    assert fork.artifact(2) == fork.artifact(1)
    planned_and_built(fork, TWO)


def test_a_change_of_training_says_its_key_and_trains(lab: Lab, tmp_path: Path) -> None:
    """What comes after it is not known before."""
    fork = lab.fork(tmp_path)
    reasons = {step["stage"]: step["reason"] for step in fork.plan("trainer.epochs=2")["steps"]}
    assert reasons["train"] == "changed because trainer.epochs 1 -> 2"
    assert reasons["export"] == "after train"
    planned_and_built(fork, "trainer.epochs=2")
    assert fork.artifact(2) != fork.artifact(1)


def test_what_would_break_clients_is_refused_by_plan_and_build(lab: Lab, tmp_path: Path) -> None:
    """Smaller batches; status 2, and nothing is published."""
    fork, smaller = lab.fork(tmp_path), "serving.max_batch_size=2"
    refused = fork.plan(smaller)["refused"]
    assert "max_batch_size is 2 now, and was 128" in refused
    result = fork.run(smaller)
    assert result.status == 2
    assert result.error.removeprefix("error: ") == refused
    assert fork.versions == [1]


def test_a_plan_writes_nothing_anywhere(lab: Lab, tmp_path: Path) -> None:
    """With everything there, and with nothing: no repository, no cache, no home."""
    empty = Workspace(tmp_path / "empty")
    places = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home" / "cache")}
    fork = lab.fork(tmp_path / "fork")
    before = snapshot(tmp_path, lab.checkout, lab.data)
    for overrides in ((), (TWO,), ("trainer.epochs=2",), ("name=other",)):
        fork.plan(*overrides)
        arguments = (f"model={MODEL}", "task=plan", *overrides)
        result = empty.run(*arguments, cwd=None, **(lab.environment | places))
        assert result.status == 0, result.err
        assert "version 1 would be published" in result.out
    assert snapshot(tmp_path, lab.checkout, lab.data) == before
    assert not (tmp_path / "home").exists()


def test_forced_stages_run_and_what_is_the_same_is_not_published(lab: Lab, tmp_path: Path) -> None:
    """Training comes to the same weights; what follows is gone from a cache of no size."""
    fork = lab.fork(tmp_path)
    result = fork.built("task.force=[train]", "cache.max_size_gb=0")
    assert told_reused(result) == {"data"}
    assert UNCHANGED in result.out
    assert fork.versions == [1]


def test_all_stages_can_be_forced() -> None:
    """By one word."""
    assert composing.job(f"model={MODEL}", "task.force=[all]").forced == set(Stage)


def test_a_stage_that_is_none_cannot_be_forced(lab: Lab) -> None:
    """Status 2, naming those that there are."""
    result = lab.run("task.force=[training]")
    assert result.status == 2
    assert "task.force" in result.error
    assert "train" in result.error


def record(lab: Lab, stage: str) -> Path:
    """Return the record of a stage's one result."""
    return next((lab.stages / "records" / stage).iterdir())


def blob(lab: Lab, stage: str) -> Path:
    """Return the file that a stage's one result names."""
    files = json.loads(record(lab, stage).read_bytes())["result"]["files"]
    digest = str(*files.values())
    return lab.stages / "objects" / digest[:2] / digest


def flip(path: Path) -> None:
    """Flip a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    """Leave only a file's beginning."""
    path.write_bytes(path.read_bytes()[:100])


def make_folder(path: Path) -> None:
    """Put a folder in a file's place."""
    path.unlink()
    path.mkdir()


def test_damaged_results_are_told_and_made_again(lab: Lab, tmp_path: Path) -> None:
    """Flipped, cut short, emptied, gone, a folder in their place: the version is right."""
    fork = lab.fork(tmp_path)
    flip(record(fork, "render"))
    record(fork, "rules").write_bytes(b"")
    make_folder(record(fork, "contract"))
    record(fork, "live").unlink()
    result = fork.built()
    assert UNCHANGED in result.out
    told_again(result, "render", "rules")
    assert fork.versions == [1]

    flip(blob(fork, "export"))
    cut(blob(fork, "train"))
    make_folder(blob(fork, "parity"))
    cut(record(fork, "data"))
    make_folder(record(fork, "batching"))
    result = fork.built(TWO)
    told_again(result, "data", "train", "export")
    assert fork.artifact(2) == fork.artifact(1)
    assert f"{MODEL} is unchanged: version 2" in fork.built(TWO).out


def told_again(result: Result, *stages: str) -> None:
    """See that a build says which results it could not use."""
    for stage in stages:
        assert f"the cached result of {stage} is" in result.err


@needs_mount
def test_a_read_only_cache_with_damage_in_it_is_no_hindrance(lab: Lab, tmp_path: Path) -> None:
    """What is damaged there is made again, for this build."""
    fork = lab.fork(tmp_path)
    for path in (fork.stages / "objects").glob("*/*"):
        flip(path)
    with read_only(fork.cache):
        result = fork.built(TWO)
    assert fork.artifact(2) == fork.artifact(1)
    assert "cannot be written: Read-only file system" in result.err


@needs_mount
def test_a_full_cache_is_told_and_the_build_goes_on(lab: Lab, tmp_path: Path) -> None:
    """Nothing is kept then."""
    fork = lab.fork(tmp_path)
    shutil.rmtree(fork.cache)
    fork.prepare()
    (fork.cache / "data").unlink()
    shutil.copytree(lab.data, tmp_path / "kept")
    with tmpfs(fork.cache, "size=64k"):
        fork.prepare()
        result = fork.built(TWO)
    assert fork.artifact(2) == fork.artifact(1)
    assert "cannot be written: No space left on device" in result.err


def test_two_builds_at_once_train_once(lab: Lab, tmp_path: Path) -> None:
    """Each publishes to its own repository; one waits for what the other makes."""
    shared = lab.empty(tmp_path / "shared")
    others = [shared, lab.empty(tmp_path / "other")]

    def build(one: Lab) -> Result:
        return one.run(f"cache.path={shared.cache}")

    with ThreadPoolExecutor() as pool:
        results = list(pool.map(build, others))
    assert [result.status for result in results] == [0, 0], [result.err for result in results]
    assert sum("epoch 1/1" in result.err for result in results) == 1
    assert [one.versions for one in others] == [[1], [1]]
    assert others[0].artifact(1) == others[1].artifact(1) == lab.artifact(1)


def test_killed_at_every_stage_a_build_goes_on_and_publishes_once(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill -9 in training, in export and in the proofs; what was made is used."""
    empty = lab.empty(tmp_path)
    for name, value in lab.environment.items():
        monkeypatch.setenv(name, value)
    for reached in ("SUBSET", "  train  ", "  export  "):
        with empty.workspace.start(*empty.arguments()) as running:
            running.wait_until(lambda: reached in running.err)  # noqa: B023  used at once
            running.signal_group(signal.SIGKILL)
            assert running.result().status == -signal.SIGKILL
        assert empty.versions == []
    result = empty.built()
    assert {"data", "train", "export"} <= told_reused(result)
    assert empty.versions == [1]
    assert empty.artifact(1) == lab.artifact(1)
    assert files_but_locks(empty.workspace.staging) == []
    assert empty.workspace.processes() == []
