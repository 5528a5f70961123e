"""`task=images` from a job: what it refuses before anything is read or written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.errors import SpecError
from packager.resolve.job import to_spec
from packager.spec.job import ImagesTask
from packager.tasks import images
from tests.model_config.composing import compose

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("to", ["photos", "photos/new", "link"])
def test_images_are_not_written_among_those_that_are_read(tmp_path: Path, to: str) -> None:
    """They would be the dataset's the next time; not even a folder is made."""
    photos = tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "link").symlink_to(photos)
    paths = (f"dataset.path={photos}", f"task.to={tmp_path / to}")
    job = to_spec(compose("dataset=image_folder", "task=images", *paths))
    assert isinstance(job.task, ImagesTask)
    with pytest.raises(SpecError, match="in the folder that the images are read from") as caught:
        images.run(job, job.task)
    assert caught.value.where == "task.to"
    assert list(photos.iterdir()) == []
