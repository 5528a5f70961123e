"""A recipe: one model from data to serving."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from packager.spec.architecture import ArchitectureSpec, TorchScriptSpec
from packager.spec.dataset import DatasetSpec
from packager.spec.object_url import ObjectUrl, parsed
from packager.spec.serving import HostSpec, ServingSpec
from packager.spec.tensors import TensorSpec
from packager.spec.training import NoTrainerSpec, TrainerSpec
from packager.spec.validity import require

MODEL_NAME = re.compile(
    r"(?!(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$))(?!.*\.\.)"
    r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]{0,126}[A-Za-z0-9_\-])?"
)
"""One part of a path on every system: no way up, no device of Windows', no dot at the end."""


class ExportForm(Enum):
    """What is done to a module that is compiled to TorchScript; each adds to the one before.

    `none` leaves it as it is, `freeze` makes constants of its weights, `channels_last` has
    convolutions compute in that layout where there are any, `bfloat16` computes sums of products in
    that type. `auto` stands for the fastest of them, as measured when it is first built.
    """

    none = "none"
    freeze = "freeze"
    channels_last = "channels_last"
    bfloat16 = "bfloat16"
    auto = "auto"


DEFAULT_FORM = ExportForm.channels_last
"""The fastest form that computes the same numbers on every host."""


class Pixels(Enum):
    """What clients send: floats already prepared as in training, or the image's raw bytes.

    With `uint8` preparing is a part of the exported module, and clients cannot skew it.
    """

    float32 = "float32"
    uint8 = "uint8"


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportSpec:
    """How a module becomes TorchScript, and what its input images are."""

    optimize: ExportForm = DEFAULT_FORM
    pixels: Pixels = Pixels.float32

    @property
    def form(self) -> ExportForm:
        """The form as far as it is known: the default until `auto` has chosen."""
        return DEFAULT_FORM if self.optimize is ExportForm.auto else self.optimize


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One model: what it is, what it learns from, and how it is served.

    `dataset` None means that the model knows of no data: it is proven on generated inputs.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    dataset: DatasetSpec | None
    architecture: ArchitectureSpec
    trainer: TrainerSpec | NoTrainerSpec
    serving: ServingSpec
    export: ExportSpec = ExportSpec()

    def __post_init__(self) -> None:
        require(
            MODEL_NAME.fullmatch(self.name) is not None,
            f"'{self.name}' is not a safe model name",
            where="name",
            remedy="use at most 128 letters, digits, _ - and . with a letter or digit first; no ..,"
            " no . at the end, no name of a device (con, nul, com1)",
        )
        names = [tensor.name for tensor in (*self.inputs, *self.outputs)]
        for name in names:
            require(
                names.count(name) == 1,
                f"two tensors are named '{name}'",
                where="inputs/outputs",
                remedy="give each its own name",
            )
        self._require_form()
        self._require_data()
        self._require_training()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the dataset's classes, as far as they are known."""
        return self.dataset.classes if self.dataset else ()

    def on(self, host: HostSpec) -> Recipe:
        """Return the recipe as one kind of host runs it."""
        return replace(self, serving=self.serving.on(host))

    def _require_form(self) -> None:
        form = self.export.optimize
        require(
            form is DEFAULT_FORM or not isinstance(self.architecture, TorchScriptSpec),
            f"is {form.value}, and a TorchScript file is packaged as it is",
            where="export.optimize",
            remedy="leave it out, or package the module that the file was made from",
        )
        require(
            form is not ExportForm.bfloat16 or self.dataset is not None,
            "is bfloat16, which is judged by the classes of labelled images, and there are no data",
            where="export.optimize",
            remedy=f"choose a dataset, or export.optimize={DEFAULT_FORM.value}",
        )

    def _require_data(self) -> None:
        if self.dataset is not None:
            for source in self.dataset.sources:
                source.require_every_role()
            return
        require(
            isinstance(self.trainer, NoTrainerSpec),
            "there is nothing to learn from",
            where="dataset",
            remedy="choose a dataset, or trainer=none",
        )
        require(
            bool(self.inputs),
            "are not given, and without data nothing else tells them",
            where="inputs",
            remedy="give each input's name, data_type and dims",
        )
        require(
            self.export.pixels is Pixels.float32,
            "is uint8, and without data there are no images",
            where="export.pixels",
            remedy="choose export=float32_pixels",
        )

    def _require_training(self) -> None:
        if isinstance(self.trainer, NoTrainerSpec):
            return
        require(
            not isinstance(self.architecture, TorchScriptSpec),
            "a TorchScript file is packaged as it is",
            where="trainer",
            remedy="choose trainer=none",
        )
        for side in ("inputs", "outputs"):
            count = len(getattr(self, side))
            require(
                count <= 1,
                f"{count} are given; training knows one image in and one score a class out",
                where=side,
                remedy="give one, or none; a module with more of them is packaged with"
                " trainer=none",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositorySpec:
    """A model repository on disk; work in progress is staged in `staging`, never in `path`.

    `signing_key` is a private key's file, in PEM: versions are signed with it.
    """

    path: Path
    staging: Path
    signing_key: Path | None = None

    @property
    def name(self) -> str:
        """Where it lies, in words."""
        return str(self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteRepositorySpec:
    """A model repository in an object store; work in progress is staged in `staging`, on disk.

    `signing_key` is a private key's file, in PEM: versions are signed with it.
    """

    url: str
    staging: Path
    signing_key: Path | None = None

    def __post_init__(self) -> None:
        parsed(self.url)

    @property
    def name(self) -> str:
        """Where it lies, in words."""
        return self.url

    @property
    def place(self) -> ObjectUrl:
        """The URL's parts."""
        return parsed(self.url)


AnyRepositorySpec = RepositorySpec | RemoteRepositorySpec
