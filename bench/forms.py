"""How fast the forms of an artifact are that `export.optimize` gives, side by side.

    python bench/forms.py [--json FILE] [--threads 2,1] [--models fashion_cnn,mnist_cnn,resnet18]

Each module is exported, loaded by torch.jit.load in a process of its own and asked as
`export.optimize=auto` asks it: forms take turns, medians of nine rounds. With one thread, that
thread's own time is taken: what else the machine does is not in it. Weights are drawn, images
are noise: neither changes the time that is taken.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import warnings
from pathlib import Path

import torch
import torchvision
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from typing import TYPE_CHECKING

from packager.architectures.layers import build_sequential
from packager.export import measuring, torchscript
from packager.export.choice import CANDIDATES, Rates, choose
from packager.spec.architecture import LayersSpec
from tests.model_config.composing import recipe

if TYPE_CHECKING:
    from packager.spec.recipe import ExportForm

BATCHES = {"resnet18": (1, 8)}
"""Other models are asked 1, 8 and 128 images."""
IMAGES = {"resnet18": (3, 224, 224)}
"""Of one image; those of the shipped recipes are grey, 28 x 28."""


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--threads", default="2,1")
    parser.add_argument("--models", default="fashion_cnn,mnist_cnn,resnet18")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    for name in arguments.models.split(","):
        with tempfile.TemporaryDirectory(prefix="forms-") as folder:
            artifacts = _exported(name, Path(folder))
            requests = _requests(name, Path(folder))
            for threads in map(int, arguments.threads.split(",")):
                measured = measuring.measure(artifacts, requests, threads=threads)
                _print(name, threads, measured)
                figures |= _figures(name, threads, measured)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def _exported(name: str, folder: Path) -> dict[ExportForm, Path]:
    paths = {form: folder / f"{form.value}.pt" for form in CANDIDATES}
    for form, path in paths.items():
        torchscript.export(_module(name), form=form, path=path)
    return paths


def _module(name: str) -> nn.Module:
    torch.manual_seed(0)
    if name in IMAGES:
        module: nn.Module = torchvision.models.get_model(name)
        return module.eval()
    architecture = recipe(f"model={name}").architecture
    if not isinstance(architecture, LayersSpec):
        sys.exit(f"{name} is no stack of layers")
    return build_sequential(architecture, sample_shape=(1, 28, 28)).eval()


def _requests(name: str, folder: Path) -> dict[int, Path]:
    paths = {rows: folder / f"{rows}.pt" for rows in _batches(name)}
    for rows, path in paths.items():
        torch.save((torch.rand(rows, *IMAGES.get(name, (1, 28, 28))),), path)
    return paths


def _batches(name: str) -> tuple[int, ...]:
    return BATCHES.get(name, (1, 8, 128))


def _print(name: str, threads: int, measured: dict[ExportForm, Rates]) -> None:
    print(f"{name}, {threads} threads, images/s; auto would take {choose(measured).form.value}")
    for form, rates in measured.items():
        cells = "".join(f"{statistics.median(rates[rows]):10,.0f}" for rows in rates)
        print(f"  {form.value:14}{cells}", flush=True)


def _figures(name: str, threads: int, measured: dict[ExportForm, Rates]) -> dict[str, float]:
    return {
        f"{name}_{form.value}_batch{rows}_threads{threads}": statistics.median(rates[rows])
        for form, rates in measured.items()
        for rows in rates
    }


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message=r".*torch\.jit.*")
    main()
