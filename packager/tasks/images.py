"""`task=images`: the dataset as training sees it, written out as image files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from packager import console
from packager.datasets.cache import write_atomic
from packager.datasets.fetch import fetch
from packager.datasets.image_layout import choose, lists
from packager.datasets.image_writing import make_folder, reported, write_images
from packager.datasets.load import load
from packager.errors import SpecError
from packager.spec.dataset import DataFormat
from packager.tasks.loading import data_output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packager.datasets.image_layout import Chosen
    from packager.datasets.image_writing import Written
    from packager.datasets.load import Dataset
    from packager.spec.dataset import DatasetSpec
    from packager.spec.job import ImagesTask, Job, Part


def run(job: Job, task: ImagesTask) -> None:
    """Write the images that are not there yet, then the files that list them.

    Raises:
        SpecError: no dataset is chosen, its data are wrong, or it lies where it would be written.
        UnavailableError: the data are not to be had, or the folder cannot be written.
    """
    spec = job.require_dataset()
    folder = task.to or Path("images", spec.name).absolute()
    _require_elsewhere(spec, folder)
    make_folder(folder)
    dataset = _loaded(spec, job.cache.path / "data")
    chosen = choose(dataset, spec.name, task)
    with console.counting("files") as progress:
        written = write_images(
            chosen.values(), folder, form=task.format, workers=task.workers, progress=progress
        )
    with reported(folder):
        for name, text in lists(dataset.classes, chosen, task.layout).items():
            write_atomic(folder / name, text.encode())
    console.out.print(f"{escape(str(folder))}: {_told(spec, dataset, chosen)}")
    console.out.print(_counted(written))


def _loaded(spec: DatasetSpec, cache: Path) -> Dataset:
    with console.stage("data") as findings, console.counting("images") as progress:
        dataset = load(spec, fetch(spec, cache=cache), progress=progress)
        findings.append(escape(data_output(spec, dataset).value["finding"]))
    if dataset.subset:
        console.warn_subset(spec.name)
    return dataset


def _require_elsewhere(spec: DatasetSpec, folder: Path) -> None:
    """Refuse to write among the images that are read: the next time they would be read too."""
    for source in spec.sources:
        if source.format is not DataFormat.images:
            continue
        if folder.resolve().is_relative_to(Path(source.origin).expanduser().resolve()):
            raise SpecError(
                f"{folder} is in the folder that the images are read from",
                where="task.to",
                remedy="give another one: task.to=DIR",
            )


def _told(spec: DatasetSpec, dataset: Dataset, chosen: Mapping[Part, Chosen]) -> str:
    """Say how many images of what there are, and that they are a part."""
    counts = {part.value: len(one.paths) for part, one in chosen.items()}
    each = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    line = f"{sum(counts.values()):,} images of {escape(spec.name)} ({each})"
    whole = len(dataset.train.labels) + len(dataset.test.labels)
    if dataset.subset:
        return f"{line} [bold yellow]of a SUBSET of the dataset[/]"
    return line if sum(counts.values()) == whole else f"{line}, a subset of its {whole:,}"


def _counted(written: Written) -> str:
    """Say what was done, and how quickly."""
    line = f"{written.written:,} written"
    if written.replaced:
        line += f", {written.replaced:,} of them in place of files that were not these images"
    rate = (written.written + written.there) / written.seconds
    return (
        f"{line}; {written.there:,} there already ({written.seconds:.1f} s, {rate:,.0f} images/s)"
    )
