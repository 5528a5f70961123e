"""Changed training images: how, and how often."""

from __future__ import annotations

import torch

from packager.spec.training import AugmentationSpec
from packager.training.augmentation import augment

IMAGES = torch.arange(2 * 3 * 6 * 5, dtype=torch.uint8).reshape(2, 3, 6, 5).repeat(200, 1, 1, 1)


def test_nothing_asked_changes_nothing() -> None:
    """The same tensor comes back."""
    assert augment(IMAGES, AugmentationSpec()) is IMAGES


def test_about_half_of_the_images_are_mirrored() -> None:
    """Whole images, left to right."""
    torch.manual_seed(0)
    found = augment(IMAGES, AugmentationSpec(horizontal_flip=True))
    mirrored = (found == IMAGES.flip(3)).flatten(1).all(1)
    kept = (found == IMAGES).flatten(1).all(1)
    assert bool((mirrored | kept).all())
    assert 150 < int(mirrored.sum()) < 250


def test_crops_are_shifts_with_a_black_border() -> None:
    """Each image is one of the 25 shifts by two pixels, all channels alike; every shift comes."""
    torch.manual_seed(0)
    found = augment(IMAGES, AugmentationSpec(crop_padding=2))
    padded = torch.nn.functional.pad(IMAGES, (2, 2, 2, 2))
    shifts = [padded[:, :, top : top + 6, left : left + 5] for top in range(5) for left in range(5)]
    hits = torch.stack([(found == shift).flatten(1).all(1) for shift in shifts])
    assert bool((hits.sum(0) >= 1).all())
    assert bool(hits.any(1).all())


def test_cut_out_parts_are_one_square_of_some_images() -> None:
    """Black, of the size asked for but at the border; anywhere."""
    torch.manual_seed(0)
    images = torch.full((400, 2, 20, 10), 255, dtype=torch.uint8)
    found = augment(images, AugmentationSpec(cutout_size=4, cutout_probability=0.5))
    assert set(found.flatten().tolist()) == {0, 255}
    changed = found != images
    assert torch.equal(changed[:, 0], changed[:, 1])
    changed = changed[:, 0]
    assert 150 < int(changed.flatten(1).any(1).sum()) < 250
    sizes = set()
    for one in changed[changed.flatten(1).any(1)]:
        rows, columns = int(one.any(1).sum()), int(one.any(0).sum())
        assert int(one.sum()) == rows * columns
        sizes.add((rows, columns))
    assert max(sizes) == (4, 4)
    assert min(sizes) < (4, 4)
    assert bool(changed.any(0).all())


def test_the_generator_decides() -> None:
    """The same seed, the same images."""
    spec = AugmentationSpec(
        horizontal_flip=True, crop_padding=2, cutout_size=2, cutout_probability=0.5
    )
    found = []
    for _ in range(2):
        torch.manual_seed(7)
        found.append(augment(IMAGES, spec))
    assert torch.equal(*found)
    assert not torch.equal(found[0], augment(IMAGES, spec))
