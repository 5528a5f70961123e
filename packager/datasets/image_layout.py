"""Which images of a dataset are written, under which paths, and the files that list them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from packager.datasets.image_names import INDEX_FILES, LABELS_FILE, clean, path_safe
from packager.datasets.samples import Samples
from packager.spec.job import Layout, Part

if TYPE_CHECKING:
    from packager.datasets.load import Dataset
    from packager.spec.job import ImagesTask


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Chosen:
    """Images of one split by their `indices`, and the path of each below the folder."""

    samples: Samples
    indices: torch.Tensor
    paths: tuple[str, ...]

    @property
    def labels(self) -> torch.Tensor:
        """The label of each, int64 [N]."""
        return self.samples.labels[self.indices]


def choose(dataset: Dataset, name: str, task: ImagesTask) -> dict[Part, Chosen]:
    """Choose the images that the task asks for, of the splits it asks for.

    A path does not depend on which other images are chosen: another limit or split adds files.
    """
    splits = {Part.train: dataset.train, Part.test: dataset.test}
    classes = path_safe(dataset.classes)
    chosen: dict[Part, Chosen] = {}
    for part, samples in splits.items():
        if task.split not in {part, Part.all}:
            continue
        indices = _evenly(samples.labels, task.limit)
        labels = samples.labels[indices].tolist()
        if task.layout is Layout.flat:
            # Numbered on through both splits: all lie in one folder.
            before = 0 if part is Part.train else len(dataset.train.labels)
            paths = [
                f"{classes[label]}_{before + index}.{task.format.value}"
                for index, label in zip(indices.tolist(), labels, strict=True)
            ]
        else:
            above = f"{part.value}/" if task.split is Part.all else ""
            stem = f"{clean(name)}_{part.value}"
            paths = [
                f"{above}{classes[label]}/{stem}_{index}_{label}.{task.format.value}"
                for index, label in zip(indices.tolist(), labels, strict=True)
            ]
        chosen[part] = Chosen(samples=samples, indices=indices, paths=tuple(paths))
    return chosen


def lists(classes: tuple[str, ...], chosen: dict[Part, Chosen], layout: Layout) -> dict[str, str]:
    """Return the files that list the images: name -> text.

    `labels.txt` has the classes' own names, one a line, the first for label 0. Flat folders have
    `train.txt` and `test.txt`: a path and a label on each line; paths have no spaces.
    """
    found = {LABELS_FILE: "".join(f"{name}\n" for name in classes)}
    if layout is Layout.flat:
        for part, one in chosen.items():
            pairs = zip(one.paths, one.labels.tolist(), strict=True)
            found[INDEX_FILES[part]] = "".join(f"{path} {label}\n" for path, label in pairs)
    return found


def _evenly(labels: torch.Tensor, limit: int | None) -> torch.Tensor:
    """Return `limit` indices, ascending, spread evenly over the images sorted by class.

    So every class has as many as it can: an image folder must show each class in both splits.
    """
    count = len(labels)
    if limit is None or limit >= count:
        return torch.arange(count)
    by_class = torch.argsort(labels, stable=True)
    return by_class[torch.arange(limit) * count // limit].sort().values
