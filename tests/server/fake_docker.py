"""A FAKE docker, for hosts without a daemon: `run` starts the embedded tritonserver instead.

It understands only what packager.server.docker says, and maps the mount and the published ports,
so that everything on our side of the docker command line happens for real. It shows nothing about
Docker or NVIDIA's image.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from packager.server import embedded, wheel
from packager.server.backend_directory import backend_directory

_INSIDE = {"8000": "http", "8001": "grpc", "8002": "metrics"}


def main(arguments: list[str]) -> int:
    """Do what the docker command line would, or nearly."""
    with Path(os.environ["FAKE_DOCKER_CALLS"]).open("a") as calls:
        calls.write(f"{arguments[0]}\n")
    if arguments[0] == "version":
        sys.stdout.write("0.0-fake\n")
    if arguments[0] == "image":
        return int(not Path(os.environ["FAKE_DOCKER_IMAGE"]).exists())
    if arguments[0] == "pull":
        Path(os.environ["FAKE_DOCKER_IMAGE"]).touch()
    if arguments[0] == "run":
        run(arguments)
    return 0


def run(arguments: list[str]) -> None:
    """Become the tritonserver, on the mounted directory and the published ports."""
    triton = wheel.find()
    flags = [f"--backend-directory={backend_directory(triton)}"]
    mount = next(argument for argument in arguments if argument.startswith("--mount="))
    options = dict(part.partition("=")[::2] for part in mount.removeprefix("--mount=").split(","))
    for published in (argument for argument in arguments if argument.startswith("--publish=")):
        host, outside, inside = published.removeprefix("--publish=").split(":")
        kind = _INSIDE[inside]
        flags += [f"--{kind}-address={host}", f"--{kind}-port={outside}"]
    # A container's shared memory goes with it: the guard removes what has its name.
    name = next(one for one in arguments if one.startswith("--name=")).removeprefix("--name=")
    flags += [f"--backend-config=python,shm-region-prefix-name={name}-"]
    given = arguments[arguments.index("tritonserver") + 1 :]
    flags += [flag.replace(options["target"], options["source"]) for flag in given]
    os.execve(  # noqa: S606 - it takes the docker client's place
        triton.program, ["tritonserver", *flags], embedded._environment(triton)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
