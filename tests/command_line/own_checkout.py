"""A copy of packager's own source, to be edited, and builds by it with a cache of their own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .program import PACKAGER, Result, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
MODEL = "fashion_cnn"
QUICK = (
    f"model={MODEL}",
    "dataset.max_train_samples=300",
    "dataset.max_test_samples=100",
    "trainer.epochs=1",
    "trainer.threads=1",
    "server=none",
)
STAGES = ("data", "train", "export", "render", "rules", "contract", "batching", "parity", "live")
PROOFS = STAGES[4:]


def copy_checkout(folder: Path) -> Path:
    """Copy what runs, without bytecode."""
    for name in ("packager", "conf", "templates"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Lab:
    """A working directory, a cache, and the checkout that runs there; `data` are shared by all."""

    workspace: Workspace
    checkout: Path
    data: Path

    @property
    def cache(self) -> Path:
        """The cache of this lab's builds."""
        return self.workspace.root / "cache"

    @property
    def stages(self) -> Path:
        """The kept results."""
        return self.cache / "stages"

    @property
    def model(self) -> Path:
        """The published model."""
        return self.workspace.repository / MODEL

    @property
    def versions(self) -> list[int]:
        """The published versions."""
        return sorted(int(path.name) for path in self.model.glob("[0-9]*"))

    def artifact(self, version: int) -> bytes:
        """Return a version's model."""
        return (self.model / str(version) / "model.pt").read_bytes()

    def arguments(self, *overrides: str) -> tuple[str, ...]:
        """Return a command's arguments."""
        return (*QUICK, f"cache.path={self.cache}", *overrides)

    @property
    def environment(self) -> dict[str, str]:
        """Let the copied checkout run, and leave no bytecode in it."""
        return {"PYTHONPATH": str(self.checkout), "PYTHONDONTWRITEBYTECODE": "1"}

    def prepare(self) -> Lab:
        """Put the data where this lab's cache has them."""
        self.cache.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (self.cache / "data").symlink_to(self.data)
        return self

    def run(self, *overrides: str, command: Sequence[str] = PACKAGER) -> Result:
        """Run a build, or another task, to its end."""
        return self.workspace.run(
            *self.arguments(*overrides), command=command, cwd=None, **self.environment
        )

    def built(self, *overrides: str) -> Result:
        """Run a build that must succeed."""
        result = self.run(*overrides)
        assert result.status == 0, result.err
        return result

    def plan(self, *overrides: str) -> dict[str, Any]:
        """Return the plan of a build."""
        result = self.run(*overrides, "task=plan", "task.format=json")
        assert result.status == 0, result.err
        found: dict[str, Any] = json.loads(result.out)
        return found

    def fork(self, folder: Path) -> Lab:
        """Return another lab with the same cache and repository, to do harm to."""
        other = Lab(workspace=Workspace(folder), checkout=self.checkout, data=self.data)
        shutil.copytree(self.workspace.cwd, other.workspace.cwd, dirs_exist_ok=True)
        shutil.copytree(self.stages, other.stages)
        return other.prepare()

    def empty(self, folder: Path) -> Lab:
        """Return another lab with nothing built."""
        other = Lab(workspace=Workspace(folder), checkout=self.checkout, data=self.data)
        return other.prepare()


@contextlib.contextmanager
def commented(file: Path) -> Iterator[None]:
    """Append a comment to a source file, and take it away again."""
    before = file.read_bytes()
    with file.open("a") as stream:
        stream.write("# another comment\n")
    try:
        yield
    finally:
        file.write_bytes(before)


def reused(steps: list[dict[str, Any]]) -> set[str]:
    """Return the stages whose results a plan would reuse."""
    return {step["stage"] for step in steps if step["reused"]}


def told_reused(result: Result) -> set[str]:
    """Return the stages that a build says it has reused; of render nothing is said."""
    lines = re.findall(r"^ *(data|train|export|prove)  +(.*)$", result.err, re.MULTILINE)
    found = {stage for stage, text in lines if stage != "prove" and "(reused)" in text}
    proofs = "".join(text for stage, text in lines if stage == "prove")
    return found | {proof for proof in PROOFS if f"{proof} (reused)" in proofs}


def ran_torch(result: Result) -> bool:
    """Say whether a run with `-X importtime` imported torch."""
    return re.search(r"\| +torch$", result.err, re.MULTILINE) is not None


def snapshot(*folders: Path) -> dict[str, tuple[int, int] | None]:
    """Return every file below some folders with its size and time, links not followed."""
    found: dict[str, tuple[int, int] | None] = {}
    for folder in folders:
        for path, _, files in os.walk(folder):
            found[path] = None
            for name in files:
                status = Path(path, name).lstat()
                found[f"{path}/{name}"] = (status.st_size, status.st_mtime_ns)
    return found
