"""The real program as a child process, and everything that it could leave behind."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PACKAGER = (sys.executable, "-m", "packager")
SMALL = (
    "dataset.max_train_samples=600",
    "dataset.max_test_samples=200",
    "trainer.epochs=1",
    "trainer.threads=1",
)
UNTRAINED = (
    "name=scorer",
    "dataset=none",
    "trainer=none",
    "inputs=[{name: x, data_type: FP32, dims: [4]}]",
)
"""A recipe without data, which lacks its layers."""

FASHION = ("model=fashion_cnn", *SMALL)
REPOSITORY = "model_repository"
STAGING = ".model_repository.staging"

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux keeps shared memory
_IDENTITY = re.compile(r"packager-[0-9a-f]{32}")
_MARK = "PACKAGER_TEST_RUN"
_TIMEOUT_S = 180.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a finished run answered."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one paragraph that tells the error; fails when there is not exactly one."""
        (line,) = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert self.err.endswith(f"{line}\n")
        assert "Traceback" not in self.err + self.out
        return line


class Running:
    """A run that has not ended; its output goes to files, to be read at any time."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self._process, self._out, self._err = process, out, err

    @property
    def out(self) -> str:
        """Standard output so far."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """Standard error so far."""
        return self._err.read_text()

    def wait_until(self, condition: Callable[[], object], *, within_s: float = 90.0) -> None:
        """Block until the condition holds; fail when the run ends or time is up before."""
        deadline = time.monotonic() + within_s
        while not condition():
            assert self._process.poll() is None, self.err
            assert time.monotonic() < deadline, self.err
            time.sleep(0.02)

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal as a terminal does: to the whole process group."""
        os.killpg(self._process.pid, number)

    def signal_alone(self, number: signal.Signals) -> None:
        """Send a signal to the program alone."""
        self._process.send_signal(number)

    def result(self) -> Result:
        """Wait for the end."""
        status = self._process.wait(_TIMEOUT_S)
        return Result(status=status, out=self.out, err=self.err)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A working directory and a temporary directory for runs that can be told from all others."""

    root: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        for folder in (self.cwd, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def cwd(self) -> Path:
        """Where the program runs."""
        return self.root / "cwd"

    @property
    def temporary(self) -> Path:
        """Its TMPDIR."""
        return self.root / "tmp"

    @property
    def repository(self) -> Path:
        """The default model repository."""
        return self.cwd / REPOSITORY

    @property
    def staging(self) -> Path:
        """The default staging folder."""
        return self.cwd / STAGING

    def run(
        self,
        *arguments: str,
        command: Sequence[str] = PACKAGER,
        cwd: Path | None = None,
        **more: str,
    ) -> Result:
        """Run the program to its end; `more` are environment variables."""
        done = subprocess.run(
            [*command, *arguments],
            cwd=cwd or self.cwd,
            env=self.environment(more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        return Result(status=done.returncode, out=done.stdout, err=done.stderr)

    @contextmanager
    def start(self, *arguments: str, **more: str) -> Iterator[Running]:
        """Start the program in a process group of its own; interrupted at the end if it runs.

        `more` are environment variables.
        """
        out, err = self.root / "out", self.root / "err"
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                [*PACKAGER, *arguments],
                cwd=self.cwd,
                env=self.environment(more),
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                start_new_session=True,
            )
        with process:
            try:
                yield Running(process, out, err)
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(30)
                    process.kill()

    def process_ids(self) -> list[int]:
        """Every process that a run here has started, however far down."""
        mark = f"{_MARK}={self.mark}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
        return found

    def processes(self) -> list[str]:
        """Their command lines."""
        found = []
        for pid in self.process_ids():
            with suppress(OSError):
                found.append(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "))
        return found

    def left_behind(self) -> list[str]:
        """Processes, shared memory without a server, and temporary files."""
        files = [str(path) for path in self.temporary.iterdir() if not _is_torchs_own(path)]
        return [*self.processes(), *orphaned_shared_memory(), *files]

    def wait_until_nothing_is_left(self, *, within_s: float) -> None:
        """Fail when something is still there after the time."""
        deadline = time.monotonic() + within_s
        while self.left_behind() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.left_behind() == []

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """The variables of a run here."""
        own = {_MARK: self.mark, "TMPDIR": str(self.temporary), "COLUMNS": "200"}
        return {**os.environ, **own, **more}


def tree(directory: Path) -> dict[str, str]:
    """Every file and folder below a directory, files with their digest; empty if it is missing."""
    return {
        str(path.relative_to(directory)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        )
        for path in sorted(directory.rglob("*"))
    }


def files_but_locks(directory: Path) -> list[str]:
    """Files and folders below a directory but publishing's locks and its highest numbers."""
    return [name for name in tree(directory) if not name.endswith((".lock", ".highest"))]


def _is_torchs_own(path: Path) -> bool:
    """Whether it is the empty folder that importing torch makes, one a user, for its compiler."""
    return path.name.startswith("torchinductor_") and not any(path.iterdir())


def orphaned_shared_memory() -> list[str]:
    """Regions that name a server of which no process is left."""
    regions = [path.name for path in _SHARED_MEMORY.glob("packager-*")]
    if not regions:
        return []
    alive = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            alive.update(_IDENTITY.findall(path.read_text()))
    return [
        name
        for name in regions
        if not alive.intersection(_IDENTITY.findall(name)) and (_SHARED_MEMORY / name).exists()
    ]
