"""Proof 4: the bytes to be published answer as the trained module does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import ProofError
from packager.proof.closeness import (
    FLOAT32_TOLERANCE,
    TOP1_AGREEMENT,
    relative_error,
    top1_agreement,
)
from packager.proof.result import Proof
from packager.training.evaluate import predict

if TYPE_CHECKING:
    import torch

    from packager.datasets.load import Split


def prove(
    artifact: torch.jit.ScriptModule, trained: torch.nn.Module, held_out: Split
) -> tuple[Proof, torch.Tensor]:
    """Compare answers on the held-out images; also return the trained module's [N, classes].

    Raises:
        ProofError: an answer is off by more than the tolerance, or is not finite, or a class
            differs.
    """
    expected = predict(trained, held_out.images)
    if not expected.isfinite().all():
        raise ProofError(
            "the trained module answers NaN or infinity on held-out images",
            where="trainer",
            remedy="lower trainer.lr, or train longer",
        )
    found = predict(artifact, held_out.images)
    error = relative_error(found, expected)
    agreement = top1_agreement(found, expected)
    accuracy = (found.argmax(dim=1) == held_out.labels).float().mean().item()
    if error > FLOAT32_TOLERANCE or agreement < TOP1_AGREEMENT:
        raise ProofError(
            f"the exported model answers otherwise than the trained one: relative error"
            f" {error:.1e}, allowed {FLOAT32_TOLERANCE:.0e}; top-1 agreement {agreement:.4f}",
            where="export.method",
            remedy="set export.method=script",
        )
    finding = (
        f"{len(found):,} test images: max error {error:.1e} of max|y|,"
        f" top-1 agreement {agreement:.2%}, accuracy {accuracy:.2%}"
    )
    measured = {"relative_error": error, "top1_agreement": agreement, "accuracy": accuracy}
    return Proof(name="parity", finding=finding, measured=measured), expected
