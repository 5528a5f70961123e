"""Which PyTorch a Triton release holds, and whether it can load what was exported here."""

from __future__ import annotations

import re

from packager.errors import SpecError

PYTORCH = {
    "23.11": "2.2.0a0+6a974bec",
    "23.12": "2.2.0a0+81ea7a4",
    "24.01": "2.2.0a0+81ea7a4",
    "24.02": "2.3.0a0+ebedce2",
    "24.03": "2.3.0a0+40ec155e58",
    "24.04": "2.3.0a0+6ddf5cf85e",
    "24.05": "2.4.0a0+07cecf4168",
    "24.06": "2.4.0a0+f70bd71a48",
    "24.07": "2.4.0a0+3bcc3cddb5",
    "24.08": "2.5.0a0+872d972e41",
    "24.09": "2.5.0a0+b465a5843b",
    "24.10": "2.5.0a0+e000cf0ad9",
    "24.11": "2.6.0a0+df5bbc0",
    "24.12": "2.6.0a0+df5bbc09d1",
    "25.01": "2.6.0a0+ecf3bae40a",
    "25.02": "2.7.0a0+6c54963f75",
    "25.03": "2.7.0a0+7c8ec84dab",
    "25.04": "2.7.0a0+79aa17489c",
    "25.05": "2.8.0a0+5228986c39",
    "25.06": "2.8.0a0+5228986c39",
    "25.08": "2.8.0a0+34c6371d24",
    "25.09": "2.9.0a0+50eac811a6",
    "25.10": "2.9.0a0+145a3a7bda",
    "25.11": "2.10.0a0+b558c986e8",
    "25.12": "2.10.0a0+b4e4ee81d3",
    "26.01": "2.10.0a0+a36e1d39eb",
    "26.02": "2.11.0a0+eb65b36914",
    "26.03": "2.11.0a0+a6c236b9fd",
    "26.04": "2.12.0a0+0291f960b6",
    "26.05": "2.12.0a0+5aff3928d8",
    "26.06": "2.13.0a0+8145d630e8",
    "26.07": "2.13.0a0+9186a08b2c",
}
"""The PyTorch of each release's libtorch backend; a release that nobody confirmed is left out.

Source: Triton's `build.py` takes libtorch from `nvcr.io/nvidia/pytorch:<release>-py3`. What that
holds up to 26.03 is in the table of NVIDIA's "Installing PyTorch for Jetson Platform" release
notes; of later ones `torch.__version__` says it with the release (`2.13.0a0+9186a08b2c.nv26.07`).
"""

_NUMBER = re.compile(r"[0-9]{2}\.1")
_RELEASE = re.compile(r"[0-9]{2}\.(0[1-9]|1[0-2])")
_NUMBERS = re.compile(r"([0-9]+)\.([0-9]+)")


def as_tagged(release: str | None) -> str | None:
    """Return a release as its container is tagged: Hydra and YAML take 24.10 for the number 24.1.

    January is 24.01, so nothing else can be meant.
    """
    return f"{release}0" if release is not None and _NUMBER.fullmatch(release) else release


def require_known(release: str) -> str:
    """Return the PyTorch that a release holds.

    Raises:
        SpecError: it is no release, or one that we know nothing of.
    """
    if not _RELEASE.fullmatch(release):
        raise SpecError(
            f"'{release}' is no release of Triton",
            where="server.release",
            remedy="write year and month as its container is tagged, for example 24.12",
        )
    if release not in PYTORCH:
        raise SpecError(
            f"which PyTorch release {release} holds is not known",
            where="server.release",
            remedy=f"choose one of {', '.join(PYTORCH)}, or leave it out",
        )
    return PYTORCH[release]


def warning(release: str, exported_by_torch: str) -> str | None:
    """Return what to tell of a model file that a newer PyTorch wrote than the release reads with.

    PyTorch reads older files. What it reads of newer ones is not promised: seen to fail at load.

    Raises:
        SpecError: the release is not known.
    """
    theirs = require_known(release)
    if _minor(exported_by_torch) <= _minor(theirs):
        return None
    return (
        f"the model is exported by PyTorch {exported_by_torch}, and Triton {release} has {theirs}:"
        " its libtorch may not load it. Export with an older PyTorch, or serve with a newer Triton"
    )


def _minor(version: str) -> tuple[int, int]:
    """Return a version's first two numbers: what a file's format may depend on."""
    found = _NUMBERS.match(version)
    return (int(found[1]), int(found[2])) if found else (0, 0)
