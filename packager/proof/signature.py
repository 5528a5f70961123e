"""What an artifact's `forward` takes and gives, by its own declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.errors import ProofError

if TYPE_CHECKING:
    import torch

BATCH_FIRST = "return a tensor, or a tuple of them, each with the batch dimension first"

REMEDIES = {
    "DictType": "return a tuple of its values, in the order of the recipe's outputs:"
    " libtorch's outputs have no keys",
    "ListType": "return a tuple in the list's place: the number of outputs must be fixed",
    "OptionalType": "return a tensor in every case, for example one of zeros in None's place",
    "NoneType": "return the answer: forward() has no return that gives one",
    "FloatType": "return one number a sample, a tensor [N] or [N, 1]",
    "IntType": "return one number a sample, a tensor [N] or [N, 1]",
    "BoolType": "return one truth a sample, a tensor [N] or [N, 1]",
    "StringType": "return tensors; texts are the client's to make, by labels.txt",
    "TupleType": "return the inner tuple's tensors side by side, in one flat tuple",
}
"""What to do about each type, by TorchScript's name, that libtorch does not return."""


def argument_names(artifact: torch.jit.ScriptModule) -> list[str]:
    """Return the names of what `forward` takes, each a tensor.

    Raises:
        ProofError: there is no `forward`, or it takes something else.
    """
    arguments = _schema(artifact).arguments[1:]
    for argument in arguments:
        if argument.type.kind() != "TensorType":
            raise ProofError(
                f"forward() takes '{argument.name}' of type {argument.type}",
                where="architecture",
                remedy="Triton's libtorch passes a tensor for each argument, and no defaults:"
                " take tensors only",
            )
    return [argument.name for argument in arguments]


def require_tensors_returned(artifact: torch.jit.ScriptModule) -> None:
    """Check that what `forward` is declared to return is a tensor, or a tuple of them.

    Raises:
        ProofError: it is something else, or may be.
    """
    (returned,) = _schema(artifact).returns
    is_tuple = returned.type.kind() == "TupleType"
    kinds = returned.type.elements() if is_tuple else [returned.type]
    for index, kind in enumerate(kinds):
        if kind.kind() != "TensorType":
            place = f"outputs[{index}]" if is_tuple else "outputs"
            raise not_returned(str(kind), REMEDIES.get(kind.kind(), BATCH_FIRST), where=place)


def not_returned(what: str, remedy: str = BATCH_FIRST, *, where: str = "outputs") -> ProofError:
    """Return the error about an output that libtorch does not return."""
    return ProofError(
        f"the artifact gives {what}; Triton's libtorch returns a tensor, or a tuple of them, of"
        " rank 1 and more, in the types it maps",
        where=where,
        remedy=remedy,
    )


def _schema(artifact: torch.jit.ScriptModule) -> Any:
    """Return forward()'s signature: the module itself, then its arguments."""
    try:
        return artifact._c._get_method("forward").schema  # noqa: SLF001  torch has no public way
    except RuntimeError as error:
        raise ProofError(
            "the artifact has no forward(), which is all that Triton's libtorch calls",
            where="architecture",
            remedy="give the module a forward()",
        ) from error
