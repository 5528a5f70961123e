"""Which model and version a task asks; what is not there is told before a server is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.errors import SpecError
from packager.spec.asking import Asked
from packager.tasks import served
from tests.model_config.composing import job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two models, one with versions 1 and 3."""
    for version in ("m/1", "m/3", "other/1"):
        (tmp_path / version).mkdir(parents=True)
        (tmp_path / version / "model.pt").touch()
    for name in ("m", "other"):
        (tmp_path / name / "config.pbtxt").write_text(f'name: "{name}"\n')
    return tmp_path


@pytest.mark.parametrize(
    ("recipe", "asked", "problem", "where", "remedy"),
    [
        ((), Asked(), "is not given", "task.model", "choose of m, other"),
        ((), Asked(model="n"), "there is no model 'n'", "task.model", "choose of m, other"),
        (
            ("model=mnist_cnn",),
            Asked(),
            "there is no model 'mnist_cnn'",
            "model",
            "choose of m, other",
        ),
        (
            ("model=mnist_cnn",),
            Asked(model="m", version=2),
            "there is no version 2 of m",
            "task.version",
            "choose of 1, 3",
        ),
    ],
)
def test_what_is_not_there_is_told_before_a_server_starts(
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    recipe: tuple[str, ...],
    asked: Asked,
    problem: str,
    where: str,
    remedy: str,
) -> None:
    """With the key that named it, and what there is."""
    monkeypatch.setattr(served, "start", lambda *_, **__: pytest.fail("a server is started"))
    with (
        pytest.raises(SpecError) as caught,
        served.served_model(job(*recipe, f"repository.path={repository}"), asked),
    ):
        pass
    assert (caught.value.problem, caught.value.where, caught.value.remedy) == (
        problem,
        where,
        remedy,
    )
