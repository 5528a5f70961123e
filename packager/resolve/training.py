"""How the module is trained, if it is."""

from __future__ import annotations

from pathlib import Path

from packager import schema
from packager.spec.training import AugmentationSpec, NoTrainerSpec, TrainerSpec


def trainer_spec(config: schema.NoTrainerConfig) -> TrainerSpec | NoTrainerSpec:
    """Return the trainer, or what an untrained module needs to know."""
    if not isinstance(config, schema.TrainerConfig):
        return NoTrainerSpec(**vars(config))
    values = vars(config) | {
        "augmentation": AugmentationSpec(**vars(config.augmentation)),
        "tensorboard": Path(config.tensorboard).expanduser().absolute()
        if config.tensorboard
        else None,
    }
    return TrainerSpec(**values)
