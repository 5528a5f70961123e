"""What is said where no server can be had; real environments, as far as one host has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from packager.errors import UnavailableError
from packager.server import wheel
from packager.server.choice import choose
from packager.server.docker import docker, unavailable_reason
from packager.server.start import start
from packager.spec.server import AutoServerSpec, DockerServerSpec, EmbeddedServerSpec

ROOT = Path(__file__).parents[2]
NO_DAEMON = "tcp://127.0.0.1:1"
AUTO = AutoServerSpec(embedded=EmbeddedServerSpec(), docker=DockerServerSpec(image="triton"))


def run(program: str, *flags: str, **environment: str) -> str:
    """What a program says in a Python of its own."""
    done = subprocess.run(
        [sys.executable, *flags, "-c", f"import sys; sys.path.append({str(ROOT)!r})\n{program}"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_this_environment_has_the_embedded_server() -> None:
    """Every other test needs it."""
    assert wheel.unavailable_reason() is None


def test_numpy_2_is_refused(tmp_path: Path) -> None:
    """Its models would be READY and answer 0 bytes. Only numpy's metadata is made up here."""
    (tmp_path / "numpy-2.1.0.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: numpy\nVersion: 2.1.0\n"
    (tmp_path / "numpy-2.1.0.dist-info" / "METADATA").write_text(metadata)
    said = run(
        "from packager.server import wheel; print(wheel.unavailable_reason())",
        PYTHONPATH=str(tmp_path),
    )
    assert "numpy 2.1.0" in said
    assert 'pip install "numpy<2"' in said


def test_a_missing_wheel_is_named_with_its_remedy() -> None:
    """A Python without site-packages has no wheel."""
    said = run("from packager.server import wheel; print(wheel.unavailable_reason())", "-S")
    assert "nvidia-pytriton" in said
    assert 'pip install "packager[embedded]"' in said


def test_looking_for_the_wheel_does_not_import_it() -> None:
    """Its import takes seconds and logs."""
    said = run("from packager.server import wheel; wheel.find(); print('pytriton' in sys.modules)")
    assert said.strip() == "False"


def test_a_python_without_a_stub_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel that knows other Pythons only."""
    package = tmp_path / "pytriton"
    (package / "tritonserver" / "bin").mkdir(parents=True)
    (package / "tritonserver" / "bin" / "tritonserver").touch()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UnavailableError, match="no Python stub for Python 3"):
        wheel.find()


def test_a_docker_client_without_a_daemon_is_not_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real client where there is one; the daemon is asked, not PATH."""
    monkeypatch.setenv("DOCKER_HOST", NO_DAEMON)
    refused = pytest.raises(UnavailableError, match=r"daemon|not installed")
    with refused as caught, docker(DockerServerSpec(image="triton"), tmp_path):
        pass
    assert caught.value.exit_code == 4
    assert "server=embedded" in caught.value.remedy


def test_a_missing_docker_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH without it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "docker program is not installed" in str(unavailable_reason())


def test_auto_takes_the_embedded_server() -> None:
    """Where its wheel is installed, Docker is not even asked."""
    assert choose(AUTO) is AUTO.embedded


def test_auto_names_every_reason_and_the_way_without_a_server() -> None:
    """No wheel and no daemon."""
    said = run(
        "from packager.server.choice import choose\n"
        "from packager.spec.server import *\n"
        "auto = AutoServerSpec(embedded=EmbeddedServerSpec(), docker=DockerServerSpec(image='x'))\n"
        "from packager.errors import UnavailableError\n"
        "try: choose(auto)\n"
        "except UnavailableError as error: print(error.exit_code, error)",
        "-S",
        DOCKER_HOST=NO_DAEMON,
    )
    assert said.startswith("4 ")
    for part in ("nvidia-pytriton", "docker", "server=none publishes without a live proof"):
        assert part in said.lower()


def test_start_runs_what_auto_chose(tmp_path: Path) -> None:
    """The embedded server, on an empty repository."""
    with start(AUTO, tmp_path) as server:
        assert server.is_running()
