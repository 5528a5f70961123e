"""`task=versions task.action=verify`: bytes against manifests, signatures, a server's answers."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from packager import versions_console
from packager.errors import FindingsError
from packager.repository import signing
from packager.repository.control import require_version
from packager.repository.integrity import Finding, model_findings, version_findings
from packager.repository.layout import SIGNATURE_FILE
from packager.repository.links import beneath
from packager.repository.state import read
from packager.spec.recipe import RepositorySpec
from packager.tasks.selection import chosen_files
from packager.tasks.versions_answers import asking, replayed
from packager.tasks.versions_selection import chosen_models, title
from packager.versions_console import Checked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.repository.files import Files
    from packager.repository.state import ModelState
    from packager.spec.job import Job, VersionsTask


def verify(job: Job, task: VersionsTask, *, is_json: bool) -> None:
    """Check the versions that are asked for, and print a line on each.

    An external server that is chosen has to answer for those that it serves.

    Raises:
        FindingsError: something was found; each finding was printed.
        UnavailableError: the external server does not answer.
    """
    files = chosen_files(job)
    if task.public_key is not None:
        signing.require_public(task.public_key)
    checked: list[Checked] = []
    with asking(job.server) as endpoint:
        for name in chosen_models(job, task, files):
            state = read(files, name)
            if task.version is not None:
                require_version(state, task.version)
            checked += _checked(job, task, files, state, endpoint=endpoint)
    versions_console.print_checked(checked, is_json=is_json)
    _require_nothing_found(checked, where=title(job))


def _require_nothing_found(checked: Sequence[Checked], *, where: str) -> None:
    count = sum(len(one.findings) for one in checked)
    wrong = sum(1 for one in checked if one.wrong_answers)
    if count:
        raise FindingsError(
            f"{count} {'file is' if count == 1 else 'files are'} not as published",
            where=where,
            remedy="restore them, or prune the versions; each is named above",
        )
    if wrong:
        raise FindingsError(
            f"{wrong} {'version is' if wrong == 1 else 'versions are'} not served as proven",
            where=where,
            remedy="look at the server's repository, host and log; each is named above",
        )


def _checked(
    job: Job, task: VersionsTask, files: Files, state: ModelState, *, endpoint: str | None
) -> Iterator[Checked]:
    """Yield each version that is asked for, and what the model's versions share."""
    numbers = state.versions if task.version is None else (task.version,)
    for number in numbers:
        found = version_findings(files, state, number)
        path = f"{state.name}/{number}/{SIGNATURE_FILE}"
        is_signed = files.read(path) is not None
        signature = "signed, not checked" if is_signed else "not signed"
        if task.public_key is not None:
            with _directory(job, files, f"{state.name}/{number}") as directory:
                problem = signing.verify(directory, task.public_key)
            signature = "the signature holds" if problem is None else ""
            if problem is not None:
                found.append(Finding(path=path, problem=problem))
        answers, wrong = "", list[Finding]()
        if endpoint is not None and not found:
            required = task.version is not None
            answers, wrong = replayed(endpoint, files, state, number, required=required)
        yield Checked(
            model=state.name,
            version=number,
            findings=tuple(found),
            signature=signature,
            answers=answers,
            wrong_answers=tuple(wrong),
        )
    # Nothing answers for the config beside somebody else's version.
    if any(number in state.records for number in state.served or state.versions[-1:]):
        yield Checked(model=state.name, version=None, findings=tuple(model_findings(files, state)))


@contextlib.contextmanager
def _directory(job: Job, files: Files, folder: str) -> Iterator[Path]:
    """Give a version's directory; of an object store a copy of it."""
    if isinstance(job.repository, RepositorySpec):
        yield job.repository.path / folder
        return
    with tempfile.TemporaryDirectory(prefix="packager-verify-") as temporary:
        for path in files.files(folder):
            copy = beneath(Path(temporary), path.removeprefix(f"{folder}/"))
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(files.read(path) or b"")
        yield Path(temporary)
