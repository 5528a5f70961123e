"""The stage that chooses the artifact's form, where the recipe says `export.optimize=auto`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch

from packager.errors import ProofError
from packager.export import fresh_process, measuring, torchscript
from packager.export.choice import CANDIDATES, choose
from packager.proof import parity
from packager.proof.samples import repeated, request_sizes
from packager.spec.recipe import DEFAULT_FORM, ExportForm
from packager.stages import environment
from packager.tasks import proofs
from packager.tasks.pinned import choice_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packager.proof.samples import Rows
    from packager.stages.output import Output
    from packager.stages.walk import Walk
    from packager.tasks.ingredients import Ingredients


def optimize(walk: Walk, ingredients: Ingredients) -> Output:
    """Choose the form: export every one, have it pass parity, and measure those that do.

    Raises:
        SpecError, PackagerError: as exporting does.
    """
    recipe = walk.recipe
    with TemporaryDirectory(prefix="packager-optimize-") as work:
        folder = Path(work)
        artifacts, refused = _proven(walk, ingredients, folder)
        requests = _requests(proofs.sample(walk, ingredients), walk, folder)
        threads = environment.instance_threads(recipe)
        rates = measuring.measure(artifacts, requests, threads=threads) if artifacts else {}
    return choice_output(choose(rates, refused), recipe)


def _proven(
    walk: Walk, ingredients: Ingredients, folder: Path
) -> tuple[dict[ExportForm, Path], dict[ExportForm, str]]:
    """Export every form; return those that answer as the module, and why others are not taken."""
    artifacts: dict[ExportForm, Path] = {}
    refused: dict[ExportForm, str] = {}
    # The default first: of those that are the same bytes it stands for all.
    for form in sorted(CANDIDATES, key=lambda form: form is not DEFAULT_FORM):
        path = folder / f"{form.value}.pt"
        try:
            problem = _tried(form, path, walk, ingredients)
        except ProofError as error:
            problem = f"is refused: {error.problem}"
        same = (one for one, other in artifacts.items() if _are_equal(path, other))
        alike = None if problem else next(same, None)
        if problem or alike:
            refused[form] = problem or f"is {alike.value if alike else ''} here"
        else:
            artifacts[form] = path
    return {form: artifacts[form] for form in CANDIDATES if form in artifacts}, refused


def _tried(form: ExportForm, path: Path, walk: Walk, ingredients: Ingredients) -> str | None:
    """Write a form's artifact to `path` and prove it; return why it cannot be judged.

    Raises:
        ProofError: it does not answer as its module.
    """
    recipe = walk.recipe
    if form is ExportForm.bfloat16 and recipe.dataset is None:
        return "is judged by classes, and there are no data"
    export = dataclasses.replace(recipe.export, optimize=form)
    # Outputs that the recipe has wrong are for the contract to tell.
    asked = dataclasses.replace(recipe, export=export, outputs=())
    fresh_process.export(dataclasses.replace(ingredients.exported(), form=form), path)
    source, batches = proofs.questions(walk, ingredients)
    parity.prove(
        torchscript.load(path), ingredients.reference(), batches, recipe=asked, source=source
    )
    return None


def _are_equal(path: Path, other: Path) -> bool:
    return path.read_bytes() == other.read_bytes()


def _requests(rows: Rows, walk: Walk, folder: Path) -> Mapping[int, Path]:
    """Write the smallest and the largest request that the model will be served with."""
    found = {}
    for size in _smallest_and_largest(request_sizes(walk.recipe.serving)):
        request = tuple(tensor[0] for tensor in rows) if size is None else repeated(rows, size)
        found[size or 1] = folder / f"request-{size or 1}.pt"
        torch.save(request, found[size or 1])
    return found


def _smallest_and_largest(sizes: Iterable[int | None]) -> list[int | None]:
    every = list(sizes)
    return list(dict.fromkeys((every[0], every[-1])))
