"""How long OpenMP's threads spin, unless the user says it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from packager import openmp


def test_a_command_spins_briefly_and_its_server_never() -> None:
    """The server inherits the command's environment."""
    environment: dict[str, str] = {}
    openmp.spin_briefly(environment)
    assert environment == {"GOMP_SPINCOUNT": openmp.BRIEFLY}
    openmp.give_way(environment)
    assert environment == {"OMP_WAIT_POLICY": "PASSIVE"}


@pytest.mark.parametrize("chosen", [{"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "7"}])
def test_what_the_user_has_set_stays(chosen: dict[str, str]) -> None:
    """For training and for servers."""
    environment = dict(chosen)
    openmp.spin_briefly(environment)
    openmp.give_way(environment)
    assert environment == chosen


def test_it_is_set_before_torch_is_there() -> None:
    """It is read once, with libgomp."""
    code = (
        "import os, sys\nfrom packager import __main__, openmp\n"
        "openmp.spin_briefly = lambda _: print('torch' in sys.modules)\n"
        "__main__._run(['--help'])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={key: one for key, one in os.environ.items() if key != "OMP_WAIT_POLICY"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith("False\n")
