"""Every field of a recipe, and the stages that read it: no more of them, and no fewer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from packager.datasets.at_hand import Fetched
from packager.spec.architecture import (
    LayersSpec,
    ModuleClassSpec,
    TorchScriptSpec,
    TorchvisionSpec,
    WeightsSpec,
)
from packager.spec.dataset import (
    DataFormat,
    DatasetSpec,
    FileSpec,
    NormalizeSpec,
    SourceKind,
    SourceSpec,
)
from packager.spec.job import Stage
from packager.spec.recipe import ExportForm, ExportSpec, Pixels, Recipe
from packager.spec.serving import (
    DynamicBatchingSpec,
    HostSpec,
    InstanceGroupSpec,
    InstanceKind,
    ServingSpec,
    VersionPolicyKind,
    VersionPolicySpec,
)
from packager.spec.tensors import DataType
from packager.spec.training import (
    Device,
    MemoryFormat,
    NoTrainerSpec,
    Optimizer,
    Precision,
    Schedule,
    Selection,
    TrainerSpec,
)
from packager.stages import reads
from packager.stages.walk import digest_of
from tests.model_config.composing import layers, recipe
from tests.model_config.specs import tensor

DATA = {Stage.data}
TRAIN = {Stage.train}
MADE = {Stage.train, Stage.optimize, Stage.export, Stage.parity}
"""Those that make the module."""
ASKED = {Stage.contract, Stage.batching, Stage.parity, Stage.live}
"""Those that ask the artifact."""
PLACED = {Stage.optimize, Stage.contract, Stage.live}
"""Those that know the kinds of instances."""
TEXT = {Stage.render, Stage.rules}
ALL_BUT_DATA = {*MADE, *ASKED, *TEXT}
NONE: set[Stage] = set()

Step = str | int
Path_ = tuple[Step, ...]
FILES = {
    role: FileSpec(name=f"{role}-idx", sha256=f"{index}" * 64)
    for index, role in enumerate(("train_images", "train_labels", "test_images", "test_labels"))
}
FOLDER = SourceSpec(kind=SourceKind.folder, origin="/images", files=FILES)
CLASS = SourceSpec(
    kind=SourceKind.torchvision,
    origin="FakeData",
    files={},
    format=DataFormat.torchvision,
    arguments={"size": 9},
    folder="/a",
)
TRAINER = TrainerSpec(
    optimizer=Optimizer.sgd,
    lr=0.1,
    weight_decay=0.0,
    batch_size=8,
    epochs=3,
    momentum=0.9,
    validation_fraction=0.1,
)
CLOTHES = DatasetSpec(
    name="clothes",
    classes=("bag", "shirt"),
    sources=(FOLDER,),
    resize=(28, 28),
    normalize=NormalizeSpec(mean=(0.5,), std=(0.5,)),
)
RICH = Recipe(
    name="rich",
    inputs=(tensor("x", 1, 28, 28, data_type=DataType.UINT8),),
    outputs=(tensor("y", 2),),
    dataset=CLOTHES,
    architecture=replace(layers("model=fashion_cnn"), weights=WeightsSpec(path=Path("/1/a.pt"))),
    trainer=TRAINER,
    serving=ServingSpec(
        instance_group=InstanceGroupSpec(kind=InstanceKind.KIND_AUTO, gpus=(0,)),
        max_batch_size=8,
        dynamic_batching=DynamicBatchingSpec(preferred_batch_size=(4,)),
        hosts=(HostSpec(name="gpu", instance_group=InstanceGroupSpec(kind=InstanceKind.KIND_GPU)),),
        version_policy=VersionPolicySpec(kind=VersionPolicyKind.specific, versions=(3,)),
    ),
    export=ExportSpec(pixels=Pixels.uint8),
)
"""A recipe that has something of everything."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What takes the place of all that a field belongs to: it cannot change alone."""

    spec: object


def rows(prefix: str, stages: set[Stage], **values: object) -> dict[str, tuple[object, set[Stage]]]:
    """Return rows of a table: other values of fields, and the stages that read them."""
    return {f"{prefix}{name}": (value, stages) for name, value in values.items()}


GROUP = "serving.hosts.0.instance_group."
TABLE: Mapping[str, tuple[object, set[Stage]]] = {
    **rows("", TEXT, name="other"),
    **rows("inputs.0.", TEXT | ASKED, name="other"),
    **rows("inputs.0.", ALL_BUT_DATA, data_type=DataType.FP32, dims=(1, 28, 29)),
    **rows("outputs.0.", TEXT | ASKED, name="z", data_type=DataType.FP64, dims=(3,)),
    **rows("dataset.", NONE, name="other", allow_subset=False, workers=3),
    **rows("dataset.", DATA | TEXT, classes=("bag", "coat")),
    **rows("dataset.", DATA, resize=(29, 28), max_train_samples=5, max_test_samples=5),
    **rows("dataset.", DATA, channels=1, invert=True, skip_unreadable=True, in_memory=True),
    **rows("dataset.sources.0.", NONE, kind=SourceKind.debian, origin="/other", folder="f"),
    **rows("dataset.sources.0.", DATA, subset=True),
    "dataset.sources.0.format": (
        Whole(replace(FOLDER, format=DataFormat.images, files={})),
        DATA,
    ),
    "dataset.sources.0.arguments": (Whole(CLASS), DATA),
    **rows("dataset.sources.0.files.train_images.", NONE, name="other"),
    **rows("dataset.sources.0.files.train_images.", DATA, sha256="f" * 64),
    **rows("dataset.normalize.", {*DATA, *MADE, *ASKED}, mean=(0.4,), std=(0.4,)),
    **rows("architecture.layers.0.", MADE, name="ReLU", arguments={"out_channels": 7}),
    **rows("architecture.weights.", MADE, path=Path("/1/b.pt"), skip=("head",)),
    **rows("trainer.", NONE, max_minutes=5.0, checkpoint_seconds=1.0, tensorboard=Path("t")),
    **rows("trainer.", NONE, threads=3),
    **rows("trainer.", MADE, seed=5),
    "trainer.optimizer": (Whole(replace(TRAINER, optimizer=Optimizer.adam, momentum=0.0)), TRAIN),
    **rows("trainer.", TRAIN, lr=0.2, weight_decay=0.1, batch_size=9, epochs=5, momentum=0.8),
    **rows("trainer.", TRAIN, nesterov=True, max_steps=7, schedule=Schedule.one_cycle),
    **rows("trainer.", TRAIN, warmup_fraction=0.2, label_smoothing=0.1, ema_decay=0.9),
    "trainer.selection": (
        Whole(replace(TRAINER, selection=Selection.test, validation_fraction=0.0)),
        TRAIN,
    ),
    **rows("trainer.", TRAIN, validation_fraction=0.2, device=Device.cpu),
    **rows("trainer.", TRAIN, precision=Precision.bfloat16, compile=True),
    **rows("trainer.", TRAIN, memory_format=MemoryFormat.contiguous),
    **rows("trainer.augmentation.", TRAIN, horizontal_flip=True, crop_padding=2),
    **rows("trainer.augmentation.", TRAIN, cutout_size=2, cutout_probability=0.5),
    **rows("serving.", {*TEXT, *ASKED, Stage.optimize}, max_batch_size=9, batch_dim=1),
    **rows("serving.instance_group.", {*TEXT, Stage.live}, count=2, gpus=(1,)),
    **rows("serving.instance_group.", {*TEXT, *PLACED}, kind=InstanceKind.KIND_GPU),
    **rows("serving.hosts.0.", {*TEXT, Stage.live}, name="other"),
    **rows(GROUP, {*TEXT, Stage.live}, count=2, gpus=(1,)),
    **rows(GROUP, {*TEXT, *PLACED}, kind=InstanceKind.KIND_CPU),
    **rows("serving.dynamic_batching.", {*TEXT, Stage.live}, max_queue_delay_us=5),
    **rows("serving.dynamic_batching.", {*TEXT, Stage.live}, preferred_batch_size=(2,)),
    "serving.version_policy.kind": (Whole(VersionPolicySpec()), {*TEXT, Stage.live}),
    "serving.version_policy.num_versions": (
        Whole(VersionPolicySpec(num_versions=2)),
        {*TEXT, Stage.live},
    ),
    **rows("serving.version_policy.", {*TEXT, Stage.live}, versions=(4,)),
    **rows("serving.", {*TEXT, Stage.live}, warmup=5),
    **rows("export.", {Stage.export}, optimize=ExportForm.none),
    "export.pixels": (Pixels.float32, {Stage.optimize, Stage.export, *ASKED}),
}
"""By field: another value, and exactly the stages that read it themselves."""

FILE = TorchScriptSpec(path=Path("/1/a.pt"))
USERS = ModuleClassSpec(path="a.b:C", arguments={"width": 3}, trusted_packages=("a",))
OTHERS: Mapping[str, tuple[Recipe, Mapping[str, tuple[object, set[Stage]]]]] = {
    "torchvision's model": (
        replace(RICH, architecture=TorchvisionSpec(name="resnet18")),
        {
            **rows("architecture.", MADE, name="resnet34"),
            **rows("architecture.", MADE, weights=WeightsSpec(path=Path("/1/a.pt"))),
        },
    ),
    "user's module": (
        replace(RICH, architecture=USERS),
        {
            **rows("architecture.", MADE, path="a.b:D", arguments={"width": 4}),
            **rows("architecture.", MADE, weights=WeightsSpec(path=Path("/1/a.pt"))),
            **rows("architecture.", NONE, trusted_packages=("a", "b")),
        },
    ),
    "TorchScript file": (
        replace(RICH, architecture=FILE, trainer=NoTrainerSpec()),
        {
            **rows("architecture.", MADE, path=Path("/1/b.pt")),
            **rows("trainer.", TRAIN, seed=4),
            **rows("trainer.", NONE, threads=2),
        },
    ),
    "no training": (
        replace(RICH, trainer=NoTrainerSpec()),
        {**rows("trainer.", MADE, seed=4), **rows("trainer.", NONE, threads=2)},
    ),
    "torchvision's data": (
        replace(RICH, dataset=replace(CLOTHES, sources=(CLASS,))),
        {
            **rows("dataset.sources.0.", DATA, origin="SVHN", arguments={"size": 8}, subset=True),
            **rows("dataset.sources.0.", NONE, folder="/b"),
            "dataset.sources.0.kind": (Whole(FOLDER), DATA),
            "dataset.sources.0.files": (Whole(FOLDER), DATA),
            "dataset.sources.0.format": (Whole(FOLDER), DATA),
        },
    ),
}
"""Recipes that hold other specs: those specs' fields."""


def leaves(value: object, above: Path_ = ()) -> Iterator[Path_]:
    """Yield the path of every field that holds no further spec."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from leaves(getattr(value, field.name), (*above, field.name))
    elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
        yield from leaves(value[0], (*above, 0))
    elif isinstance(value, Mapping) and any(map(dataclasses.is_dataclass, value.values())):
        first = next(iter(value))
        yield from leaves(value[first], (*above, first))
    else:
        yield above


def changed(spec: Any, path: Path_, value: object) -> Any:
    """Return a spec with another value at a path; the specs on the way are made anew, and valid."""
    if isinstance(value, Whole) and len(path) == 1:
        return value.spec
    first, *rest = path
    if isinstance(spec, tuple):
        assert isinstance(first, int)
        return (*spec[:first], changed(spec[first], tuple(rest), value), *spec[first + 1 :])
    if isinstance(spec, Mapping):
        return {**spec, first: changed(spec[first], tuple(rest), value)}
    name = str(first)
    new = changed(getattr(spec, name), tuple(rest), value) if rest else value
    return replace(spec, **{name: new})


def content(path: Path) -> str:
    """Return a digest of what a file of this name would hold, wherever it lies."""
    return f"content of {path.name}"


def read(made: Recipe) -> dict[Stage, str]:
    """Return a digest of what each stage reads, the stages before it having given the same."""
    assert made.dataset is not None
    source = made.dataset.sources[0]
    files = {role: Path("/cache") / file.name for role, file in source.files.items()}
    fetched = Fetched(files=files or {"root": Path("/cache/root")}, source=source)
    data, weights, artifact, config = {"digest": "d"}, "w", "a", "c"
    found: dict[Stage, reads.Read] = {
        Stage.data: reads.data(made, fetched, content),
        Stage.train: reads.train(made, data=data, digest=content),
        Stage.optimize: reads.optimize(made, data=data, weights=weights, digest=content),
        Stage.export: reads.export(made, weights=weights, digest=content),
        Stage.render: reads.render(made),
        Stage.rules: reads.rules(made, config=config),
        Stage.contract: reads.contract(made, artifact=artifact, config=config),
        Stage.batching: reads.batching(made, artifact=artifact, data=data),
        Stage.parity: reads.parity(
            made, artifact=artifact, data=data, weights=weights, digest=content
        ),
        Stage.live: reads.live(made, artifact=artifact, config=config, question="q", server={}),
    }
    assert list(found) == list(Stage)
    return {stage: digest_of(one) for stage, one in found.items()}


def readers(made: Recipe, path: Path_, value: object) -> set[Stage]:
    """Return the stages that read a field of a recipe."""
    before, after = read(made), read(changed(made, path, value))
    return {stage for stage in Stage if before[stage] != after[stage]}


PATHS = {".".join(map(str, path)): path for path in leaves(RICH)}


def test_the_table_knows_every_field() -> None:
    """A field that is new, or gone, has to be written there with the stages that read it."""
    assert set(TABLE) == set(PATHS)


@pytest.mark.parametrize("name", TABLE)
def test_a_field_is_read_by_exactly_its_stages(name: str) -> None:
    """A stage too few would give an old result; one too many, work for nothing."""
    value, stages = TABLE[name]
    assert readers(RICH, PATHS[name], value) == stages


@pytest.mark.parametrize("kind", OTHERS)
def test_fields_of_other_specs_are_known_too(kind: str) -> None:
    """Those that a recipe has in place of layers, of training, or of files of its own."""
    made, table = OTHERS[kind]
    paths = {".".join(map(str, path)): path for path in leaves(made)}
    assert set(table) <= set(paths)
    assert set(paths) - set(table) <= set(PATHS)
    for name, (value, stages) in table.items():
        found = readers(made, paths[name], value)
        assert found == stages, name


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": TorchvisionSpec(name="resnet18")},
        {"trainer": NoTrainerSpec()},
    ],
)
def test_another_kind_of_spec_is_another_key(change: dict[str, Any]) -> None:
    """Even where both had fields of the same names."""
    before, after = read(RICH), read(replace(RICH, **change))
    assert before[Stage.train] != after[Stage.train]


def test_outputs_that_follow_from_the_artifact_make_serving_a_part_of_export() -> None:
    """Shapes are tried in batches; where outputs are given nothing is tried."""
    bare = replace(RICH, outputs=())
    assert Stage.export in readers(bare, ("serving", "max_batch_size"), 9)
    assert Stage.export not in readers(bare, ("serving", "instance_group", "count"), 9)


def test_normalizing_outside_the_model_is_none_of_its_own() -> None:
    """Clients do it then, and the artifact is the same."""
    floats = replace(
        RICH, export=ExportSpec(), inputs=(replace(RICH.inputs[0], data_type=DataType.FP32),)
    )
    assert Stage.export not in readers(floats, ("dataset", "normalize", "mean"), (0.1,))


def test_bfloat16_is_read_where_its_tolerance_is() -> None:
    """Other forms answer alike, and their proofs ask only the artifact."""
    stages = {Stage.export, Stage.batching, Stage.parity, Stage.live}
    assert readers(RICH, ("export", "optimize"), ExportForm.bfloat16) == stages


def test_one_class_more_changes_the_module() -> None:
    """Their names only change labels."""
    more = readers(RICH, ("dataset", "classes"), ("bag", "shirt", "coat"))
    assert more == set(Stage)


def test_where_a_file_lies_is_not_read() -> None:
    """What lies there is."""
    moved = Path("/other/a.pt")
    assert readers(RICH, ("architecture", "weights", "path"), moved) == set()
    packaged = replace(RICH, architecture=FILE, trainer=NoTrainerSpec())
    assert readers(packaged, ("architecture", "path"), moved) == set()


def test_users_files_without_a_digest_in_the_recipe_are_read() -> None:
    """Their digests take its place."""
    files = {role: replace(file, sha256=None) for role, file in FILES.items()}
    unverified = replace(RICH, dataset=replace(CLOTHES, sources=(replace(FOLDER, files=files),)))
    named = ("dataset", "sources", 0, "files", "test_labels", "name")
    assert readers(unverified, named, "other-content") == DATA


def test_every_shipped_recipe_can_be_read() -> None:
    """Whatever they leave out."""
    for name in ("fashion_cnn", "fashion_cnn_uint8", "fashion_resnet18", "mnist_cnn"):
        made = recipe(f"model={name}")
        assert isinstance(made.architecture, LayersSpec | TorchvisionSpec)
        assert len(set(read(made).values())) == len(Stage)
