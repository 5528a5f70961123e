"""From a module and a dataset to a trained module: the one entrance to training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from packager.training import distributed, ranks
from packager.training.device import torch_device
from packager.training.evaluate import Evaluation, evaluate
from packager.training.interruption import Interruption
from packager.training.metrics import EpochMetrics, Observer
from packager.training.session import Session

if TYPE_CHECKING:
    from packager.datasets.load import Dataset
    from packager.spec.training import TrainerSpec
    from packager.training.checkpoints import Checkpoints


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A trained module in evaluation mode on the CPU, and what is known of it.

    `stopped_by` names the setting that ended training before its last epoch, if one did.
    """

    module: nn.Module
    epochs: tuple[EpochMetrics, ...]
    best_epoch: int
    test: Evaluation
    precision: str
    stopped_by: str | None


def fit(
    module: nn.Module,
    dataset: Dataset,
    spec: TrainerSpec,
    *,
    observer: Observer,
    checkpoints: Checkpoints,
) -> Trained | None:
    """Train `module` in place and return it with the weights of its best epoch.

    Of several processes only the main rank returns it.

    The best epoch is chosen on images held out from training (`selection: validation`), and the
    test set is read once, at the end; or on the test set itself (`selection: test`). Training goes
    on from its last checkpoint, to the same weights as if it had never been interrupted.

    Raises:
        ProofError: the loss is not finite.
        SpecError: too few images for the validation fraction or for the processes.
        UnavailableError: the device is not there.
        KeyboardInterrupt: Ctrl-C; a checkpoint is written first.
    """
    device = torch_device(spec.device)
    with distributed.joined(device):
        session = Session(module, dataset, spec, device=device, observer=observer)
        session.resume(distributed.from_main(checkpoints.load()))
        with Interruption() as interruption:
            session.run(checkpoints, interruption)
    if not ranks.is_main():
        return None
    trained = session.best_module()
    # In the order of memory that it was trained in: pooling is several times quicker so.
    test = evaluate(trained, dataset.test.to(device), session.prepare)
    return Trained(
        module=trained.to("cpu").to(memory_format=torch.contiguous_format),
        epochs=tuple(session.progress.epochs),
        best_epoch=session.progress.best_epoch,
        test=test,
        precision="bfloat16" if session.bfloat16 else "float32",
        stopped_by=session.progress.stopped_by,
    )
