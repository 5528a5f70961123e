"""Triton's verdict on cases: one server in explicit mode, its reasons read from its log."""

from __future__ import annotations

import http.client
import itertools
import json
import re
import shutil
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from packager.server.embedded import embedded
from packager.spec.server import ControlMode, EmbeddedServerSpec
from tests.differential.case import encoded
from tests.differential.member_models import MEMBERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from packager.server.guarded import GuardedServer
    from tests.differential.case import Case

    Jobs = Sequence[tuple[str, Case]]

BACKENDS = ("pytorch", "onnxruntime", "tensorrt", "tensorflow", "custom")
_FOLDER = Path(__file__).parent / "backend"
_THREADS = 6
_SERVERS = 3
_ENDINGS = 5
_TIMEOUT_S = 30.0
_LINE = re.compile(r'^[EWF]\d{4} [^\]]*\] (".*")\s*$')
_STATUS = re.compile(r"^(Invalid argument|Internal|Not found|Unavailable|Unsupported): ")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the server made of a case under `name`; `reason` is why it refused."""

    name: str
    loads: bool
    reason: str = ""
    aborts: bool = False

    def __str__(self) -> str:
        if self.loads:
            return "loads"
        return f"{'ends the server' if self.aborts else 'refuses'}: {self.reason}"


class _EndedError(Exception):
    """The server ended before it answered."""


class Judge:
    """Judges cases, several at a time; a server that a case ended is started again."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._numbers = itertools.count()
        self._endings: Counter[int] = Counter()
        for name, member in MEMBERS.items():
            _write(repository / name, member.files, encoded(member.text, name))

    def verdicts(self, cases: Sequence[Case], *, ending: Collection[int] = ()) -> list[Verdict]:
        """Return one verdict a case, in their order.

        `ending` are those that probably end the server: judged last, so as not to disturb others.
        """
        self._endings = Counter(dict.fromkeys(ending, _ENDINGS))
        jobs = [(f"m{next(self._numbers)}x{case.suffix}", case) for case in cases]
        found: dict[int, Verdict] = {}
        waiting = deque(index for index in range(len(cases)) if index not in self._endings)
        suspects = list(ending)
        while waiting:
            with self._server(ready=True) as server:
                suspects += self._judge_together(server, jobs, waiting, found)
        self._judge_apart(jobs, suspects, found)
        return [found[index] for index in range(len(cases))]

    @contextmanager
    def _server(self, *, ready: bool) -> Iterator[_Loader]:
        """Start a server; `ready` with the ensembles' models, which else load with each."""
        backends = dict.fromkeys(BACKENDS, _FOLDER)
        flags = ["--disable-auto-complete-config"]
        with embedded(
            EmbeddedServerSpec(),
            self._repository,
            control=ControlMode.explicit,
            backends=backends,
            extra_flags=flags,
        ) as server:
            loader = _Loader(server)
            for name, member in MEMBERS.items():
                if ready and member.loads:
                    loader.ask(name, "load")
            yield loader

    def _judge_together(
        self,
        server: _Loader,
        jobs: Jobs,
        waiting: deque[int],
        found: dict[int, Verdict],
    ) -> list[int]:
        """Judge what waits until the server ends; return what it then was busy with."""
        interrupted: list[int] = []

        def work() -> None:
            while waiting and not interrupted:
                try:
                    index = waiting.popleft()
                except IndexError:
                    return
                try:
                    found[index] = self._judge(server, *jobs[index])
                except _EndedError:
                    interrupted.append(index)

        with ThreadPoolExecutor(_THREADS) as pool:
            for done in [pool.submit(work) for _ in range(_THREADS)]:
                done.result()
        return interrupted

    def _judge_apart(self, jobs: Jobs, suspects: list[int], found: dict[int, Verdict]) -> None:
        """Judge what may end the server, on several of them, each with one case at a time."""

        def work(waiting: list[int]) -> None:
            while waiting:
                with self._server(ready=False) as server:
                    self._judge_in_turn(server, jobs, waiting, found)

        with ThreadPoolExecutor(_SERVERS) as pool:
            list(pool.map(work, [suspects[first::_SERVERS] for first in range(_SERVERS)]))

    def _judge_in_turn(
        self, server: _Loader, jobs: Jobs, waiting: list[int], found: dict[int, Verdict]
    ) -> None:
        while waiting:
            index = waiting.pop()
            try:
                found[index] = self._judge(server, *jobs[index])
            except _EndedError:
                words = server.last_words()
                found[index] = Verdict(jobs[index][0], loads=False, reason=words, aborts=True)
                # Triton's own races end it now and then: only what always ends it counts.
                self._endings[index] += 1
                if self._endings[index] < _ENDINGS:
                    waiting.append(index)
                return

    def _judge(self, server: _Loader, name: str, case: Case) -> Verdict:
        directory = self._repository / name
        others = [self._repository / f"{name}{end}" for end in case.siblings]
        try:
            _write(directory, case.files, case.config(name))
            for other, text in zip(others, case.siblings.values(), strict=True):
                _write(other, {"1/": b""}, encoded(text, name))
            return server.judge(name)
        finally:
            for path in (directory, *others):
                shutil.rmtree(path, ignore_errors=True)


class _Loader:
    """One server: loads a model and finds out why it does not load."""

    def __init__(self, server: GuardedServer) -> None:
        self._server = server

    def judge(self, name: str) -> Verdict:
        """Load and unload the model.

        Raises:
            _EndedError: the server has ended.
        """
        start = len(self._server.log_text())
        answer = self.ask(name, "load")
        if answer is None:
            self.ask(name, "unload")
            return Verdict(name, loads=True)
        log = self._server.log_text()[start:]
        return Verdict(name, loads=False, reason=_reason(name, answer, log))

    def last_words(self) -> str:
        """Return the end of the log of a server that ended by itself, or hangs."""
        return self._server.log_tail(3)

    def ask(self, name: str, what: str) -> str | None:
        """Return the error of a request to load or unload, None where it succeeds."""
        connection = http.client.HTTPConnection(self._server.endpoints.http, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", f"/v2/repository/models/{quote(name)}/{what}", b"{}")
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise _EndedError(name) from error
        finally:
            connection.close()
        return None if response.status == 200 else str(json.loads(body)["error"])


def _write(directory: Path, files: Mapping[str, bytes], config: bytes | None) -> None:
    directory.mkdir()
    for path, content in files.items():
        target = directory / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    if config is not None:
        (directory / "config.pbtxt").write_bytes(config)


def _reason(name: str, answer: str, log: str) -> str:
    """Return the first reason in the log; what concerns an ensemble's models is in the answer."""
    begin = re.compile(
        rf"(?:failed to load '{re.escape(name)}' version -?\d+|"
        rf"Poll failed for model directory '{re.escape(name)}'): (.*)",
        re.DOTALL,
    )
    for message in _messages(log.splitlines()):
        if found := begin.match(message):
            return _STATUS.sub("", found[1])
    plain = answer.removeprefix(f"load failed for model '{name}': ")
    return plain.strip("\n")


def _messages(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if found := _LINE.match(line):
            try:
                yield str(json.loads(found[1], strict=False))
            except ValueError:
                yield found[1][1:-1]
