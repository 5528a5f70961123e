"""The built wheel works without the checkout: `conf/` is inside it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from packager.client import Client, WireFormat
from packager.server.running import Endpoints
from tests.server import models
from tests.server.conftest import config, tensor, write_model

from .program import PACKAGER, Result, Workspace

CHECKOUT = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, cache_home: Path) -> Path:
    """A directory into which the wheel of this checkout is installed."""
    assert cache_home.is_dir()
    folder = tmp_path_factory.mktemp("wheel")
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={folder}"]
    subprocess.run([*build, str(CHECKOUT)], check=True)
    (wheel,) = folder.glob("*.whl")
    install = [*PIP, "install", "--no-deps", "--no-index", f"--target={folder / 'site'}"]
    subprocess.run([*install, str(wheel)], check=True)
    return folder / "site"


def _run(workspace: Workspace, site: Path, *arguments: str) -> Result:
    return workspace.run(*arguments, PYTHONPATH=str(site))


def test_the_wheel_is_what_runs(workspace: Workspace, site: Path) -> None:
    """Or the other facts here would be the checkout's."""
    where = (sys.executable, "-c", "import packager; print(packager.__file__)")
    found = workspace.run(command=where, PYTHONPATH=str(site)).out
    assert found.startswith(f"{site}/packager/")


def test_the_wheel_holds_the_configuration_and_nothing_of_the_tests(site: Path) -> None:
    """Every YAML, inside the package; beside it only Hydra's plugin, where Hydra looks."""
    for name in ("conf", "templates"):
        source = CHECKOUT / name
        expected = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
        installed = site / "packager" / name
        assert {path.relative_to(installed) for path in installed.rglob("*")} >= expected
    top = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}
    assert top <= {"packager", "hydra_plugins", "bin"}
    plugins = sorted(path.name for path in (site / "hydra_plugins").glob("*.py"))
    assert plugins == ["packager_sweeper.py"]
    assert not (site / "packager" / "sweep" / "plugins").exists()


def test_the_wheel_lists_its_recipes(workspace: Workspace, site: Path) -> None:
    """The same as the checkout's."""
    assert _run(workspace, site) == workspace.run()
    assert "fashion_cnn" in _run(workspace, site).out


def test_the_wheel_plans(workspace: Workspace, site: Path) -> None:
    """Composing needs the YAMLs, rendering the template."""
    result = _run(workspace, site, "model=fashion_cnn", "task=plan")
    assert (result.status, result.err) == (0, "")
    assert '+name: "fashion_cnn"' in result.out


def test_the_wheel_checks_a_sweep(workspace: Workspace, site: Path) -> None:
    """Hydra finds the sweeper."""
    result = _run(workspace, site, "-m", "model=fashion_cnn", "trainer.epochs=0,1")
    assert result.status == 2
    assert result.err.startswith("error: sweep: none of 2 jobs was started:"), result.err


@pytest.mark.parametrize("arguments", [(), ("--help",), ("model=nope",), ("-m",)])
def test_the_console_script_is_the_same_program(
    workspace: Workspace, site: Path, arguments: tuple[str, ...]
) -> None:
    """`packager` answers as `python -m packager` does, status and all."""
    script = (sys.executable, str(site / "bin" / "packager"))
    by_script = workspace.run(*arguments, command=script, PYTHONPATH=str(site))
    assert by_script == workspace.run(*arguments, command=PACKAGER, PYTHONPATH=str(site))


def test_the_wheel_serves_until_ctrl_c(workspace: Workspace, site: Path, tmp_path: Path) -> None:
    """A repository elsewhere; with explicit control every model is loaded where none is named."""
    text = config([tensor("x", "FP32", 4)], [tensor("y", "FP32", 4)])
    write_model(tmp_path / "models", "half", models.Half(), text)
    with workspace.start(
        *("task=serve", "task.control=explicit", f"repository.path={tmp_path / 'models'}"),
        PYTHONPATH=str(site),
    ) as running:
        running.wait_until(lambda: "Ctrl-C" in running.err)
        found = re.search(r"http://(127\.0\.0\.1:\d+)", running.out)
        assert found, running.out
        with Client(Endpoints(http=found[1])) as client:
            x = np.ones((2, 4), dtype=np.float32)
            assert (client.infer(WireFormat.JSON, "half", 1, {"x": x})["y"] == 4).all()
        running.signal_group(signal.SIGINT)
        result = running.result()
    assert (result.status, result.err.splitlines()[-1]) == (130, "interrupted")
    assert workspace.left_behind() == []
