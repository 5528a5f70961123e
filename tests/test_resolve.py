"""From a composed configuration to a valid job: unknown keys, missing values, all values over."""

from __future__ import annotations

from pathlib import Path

import pytest

from packager.errors import SpecError
from packager.resolve.job import to_spec
from packager.spec.asking import PredictTask, ServeTask
from packager.spec.dataset import DataFormat, SourceKind
from packager.spec.job import BuildTask, PlanFormat, PlanTask
from packager.spec.recipe import ExportForm
from packager.spec.server import (
    AutoServerSpec,
    ControlMode,
    DockerServerSpec,
    EmbeddedServerSpec,
    ExternalServerSpec,
    NoServerSpec,
    Ports,
    ServerSpec,
)
from packager.spec.serving import InstanceKind
from packager.spec.tensors import DataType
from packager.spec.training import Optimizer, Schedule, Selection

from .model_config.composing import compose, dataset, job, layers, recipe, trainer

FASHION = "model=fashion_cnn"


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("+x=1", "x"),
        ("+trainer.foo=1", "trainer.foo"),
        ("+inputs.0.q=1", "inputs[0].q"),
        ("+serving.instance_group.q=1", "serving.instance_group.q"),
        ("+serving.dynamic_batching.q=1", "serving.dynamic_batching.q"),
        ("+dataset.sources.0.q=1", "dataset.sources[0].q"),
        ("+dataset.files.test_images.q=1", "dataset.files.test_images.q"),
        ("+server.q={a: 1}", "server.q"),
        ("+task.q=1", "task.q"),
    ],
)
def test_a_key_that_the_schema_lacks_is_refused(override: str, key: str) -> None:
    """Hydra's + adds any key; a setting that nothing reads must not look accepted."""
    with pytest.raises(SpecError, match="no such key") as caught:
        to_spec(compose(FASHION, override))
    assert caught.value.where == key


def test_all_unknown_keys_are_told_together() -> None:
    """One run finds them all."""
    with pytest.raises(SpecError, match=r"no such keys: trainer\.foo, x"):
        to_spec(compose(FASHION, "+x=1", "+trainer.foo=1"))


def test_a_layers_arguments_are_no_unknown_keys() -> None:
    """They are torch's, and judged when the module is made."""
    made = layers(FASHION, "architecture.layers=[{Conv2d: {anything: [1, 2]}}]")
    assert made.layers[0].arguments == {"anything": [1, 2]}


@pytest.mark.parametrize(
    ("overrides", "key", "remedy"),
    [
        (("name=x", "architecture=mnist_cnn"), "dataset", "dataset=fashion_mnist"),
        (("name=x", "dataset=mnist"), "architecture", "architecture=fashion_cnn"),
        (("dataset=mnist", "architecture=mnist_cnn"), "name", "name=..."),
        ((FASHION, "server=external"), "server.url", "server.url=127.0.0.1:8000"),
        ((FASHION, "inputs=[{name: a}]"), "inputs[0].dims", "inputs[0].dims=..."),
        ((FASHION, "trainer.lr=???"), "trainer.lr", "trainer.lr=..."),
    ],
)
def test_a_missing_value_is_named(overrides: tuple[str, ...], key: str, remedy: str) -> None:
    """With what to write for it."""
    with pytest.raises(SpecError, match="missing") as caught:
        to_spec(compose(*overrides))
    assert caught.value.where == key
    assert remedy in caught.value.remedy


def test_all_missing_values_are_told_together() -> None:
    """A name alone lacks data and layers."""
    with pytest.raises(SpecError, match="values are missing: architecture, dataset"):
        to_spec(compose("name=x"))


def test_every_value_of_a_recipe_arrives() -> None:
    """From the shipped YAML to the spec."""
    made = recipe("model=mnist_cnn")
    assert (made.name, made.export.optimize) == ("mnist_cnn", ExportForm.channels_last)
    (tensor,) = made.inputs
    assert (tensor.name, tensor.data_type, tensor.dims) == ("input0", DataType.FP32, (1, 28, 28))
    assert made.classes == tuple("0123456789")
    idx, csv = dataset("model=mnist_cnn").sources
    assert (idx.kind, idx.format, idx.subset) == (SourceKind.torchvision, DataFormat.idx, False)
    assert set(idx.files) == {"train_images", "train_labels", "test_images", "test_labels"}
    assert (csv.kind, csv.format, csv.subset) == (SourceKind.pypi, DataFormat.csv, True)
    assert csv.files["samples"].name == "mnist_5k.csv"
    rates = trainer("model=mnist_cnn")
    assert (rates.optimizer, rates.schedule) == (Optimizer.adamw, Schedule.one_cycle)
    assert (rates.selection, rates.validation_fraction) == (Selection.validation, 0.05)
    assert made.serving.dynamic_batching is not None
    assert layers("model=mnist_cnn").layers[0].arguments == {"out_channels": 32, "kernel_size": 3}
    assert layers("model=mnist_cnn").layers[1].arguments == {}


def test_values_of_the_command_line_arrive() -> None:
    """Lists become tuples, names become enum members."""
    made = recipe(
        FASHION,
        "dataset.resize=[32,40]",
        "dataset.max_train_samples=100",
        "serving/instance_group=gpu",
        "serving.instance_group.gpus=[0,2]",
        "serving.dynamic_batching.preferred_batch_size=[4,8]",
        "serving.dynamic_batching.max_queue_delay_us=50",
        "export.optimize=none",
    )
    assert made.dataset is not None
    assert (made.dataset.resize, made.dataset.max_train_samples) == ((32, 40), 100)
    group = made.serving.instance_group
    assert (group.kind, group.count, group.gpus) == (InstanceKind.KIND_GPU, 1, (0, 2))
    batching = made.serving.dynamic_batching
    assert batching is not None
    assert (batching.preferred_batch_size, batching.max_queue_delay_us) == ((4, 8), 50)
    assert made.export.optimize is ExportForm.none


def test_a_local_folder_replaces_every_source() -> None:
    """`dataset.path` is where the user's own copies of the dataset's files lie."""
    (source,) = dataset(FASHION, "dataset.path=/data/mine").sources
    assert (source.kind, source.origin, source.subset) == (SourceKind.folder, "/data/mine", False)
    assert len(source.files) == 4


def test_a_suffix_tells_a_sweeps_jobs_apart() -> None:
    """It is part of the name, and judged with it."""
    made = to_spec(compose(FASHION), name_suffix="-lr_0.1").require_recipe()
    assert made.name == "fashion_cnn-lr_0.1"
    with pytest.raises(SpecError, match="not a safe model name"):
        to_spec(compose(FASHION), name_suffix="/up")


@pytest.mark.parametrize(
    "layer",
    ["{Conv2d: 3}", "3", "{ReLU: {}, Tanh: {}}", "[ReLU]", "{}", "null"],
)
def test_a_layer_that_is_none_is_named_by_its_index(layer: str) -> None:
    """A layer is a name, or one name with its arguments."""
    with pytest.raises(SpecError, match="expected a layer's name") as caught:
        to_spec(compose(FASHION, f"architecture.layers=[ReLU,{layer}]"))
    assert caught.value.where == "architecture.layers[1]"


@pytest.mark.parametrize("size", ["[28]", "[28,28,1]", "[]"])
def test_a_size_is_height_and_width(size: str) -> None:
    """Two numbers, no more and no fewer."""
    with pytest.raises(SpecError, match="height, width") as caught:
        to_spec(compose(FASHION, f"dataset.resize={size}"))
    assert caught.value.where == "dataset.resize"


IMAGE = "nvcr.io/nvidia/tritonserver:24.12-py3"
HTTP = Ports(http=8001)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("server=none",), NoServerSpec()),
        (("server=embedded", "server.http_port=8001"), EmbeddedServerSpec(ports=HTTP)),
        (
            ("server=docker", "server.http_port=8001", "server.address=0.0.0.0"),
            DockerServerSpec(
                image=IMAGE,
                ports=HTTP,
                address="0.0.0.0",  # noqa: S104  a value to be passed on, nothing listens
                ready_timeout_s=120.0,
            ),
        ),
        (
            ("server=auto", "server.ready_timeout_s=9"),
            AutoServerSpec(
                embedded=EmbeddedServerSpec(ready_timeout_s=9.0),
                docker=DockerServerSpec(image=IMAGE, ready_timeout_s=9.0),
            ),
        ),
        (
            ("server=external", "server.url=h:1", "server.grpc_url=h:2"),
            ExternalServerSpec(url="h:1", grpc_url="h:2"),
        ),
    ],
)
def test_a_server_becomes_its_spec(overrides: tuple[str, ...], expected: ServerSpec) -> None:
    """Each kind, with the values given."""
    assert job(FASHION, *overrides).server == expected


def test_a_task_becomes_its_spec() -> None:
    """Build by default."""
    assert job(FASHION).task == BuildTask()
    assert job("task=plan", "task.format=json").task == PlanTask(format=PlanFormat.json)
    assert job("task=serve", "task.control=none").task == ServeTask(control=ControlMode.none)


@pytest.mark.parametrize(
    ("given", "images"),
    [
        ("a.png", ("a.png",)),
        ("[a.png,b/*.jpg,-]", ("a.png", "b/*.jpg", "-")),
        ('"http://host/a?b=1&c=2"', ("http://host/a?b=1&c=2",)),
        ("12", ("12",)),
        ("null", ()),
    ],
)
def test_pictures_are_one_string_or_a_list(given: str, images: tuple[str, ...]) -> None:
    """A number is a name too."""
    task = job("task=predict", f"task.images={given}", "task.invert=false").task
    assert isinstance(task, PredictTask)
    assert (task.images, task.invert, task.top) == (images, False, 3)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("task.images=1.5", "task.images: is 1.5; expected the name of a file"),
        ("task.images=[a,[b]]", "task.images: is ['a', ['b']]; expected"),
        ("task.top=0", "task.top: is 0; expected a positive number"),
        ("task.protocol=shm", "task.protocol: is shm, which gains nothing"),
    ],
)
def test_what_predicting_cannot_take_is_told(override: str, told: str) -> None:
    """With the key."""
    with pytest.raises(SpecError) as caught:
        job("task=predict", override)
    assert str(caught.value).startswith(told)


def test_staging_lies_hidden_beside_the_repository() -> None:
    """On its filesystem, never inside it."""
    made = to_spec(compose(FASHION, "repository.path=/srv/models"))
    repository = made.require_local_repository()
    assert repository.path == Path("/srv/models")
    assert repository.staging == Path("/srv/.models.staging")


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Relative ones start from the working directory, ~ from the home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/users/me")
    made = to_spec(
        compose(FASHION, "repository.path='~/m'", "repository.staging=s", "cache.path=c")
    )
    repository = made.require_local_repository()
    assert repository.path == Path("/users/me/m")
    assert repository.staging == tmp_path / "s"
    assert made.cache.path == tmp_path / "c"


def test_the_cache_is_the_users_own_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG's variable first, then ~/.cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert to_spec(compose(FASHION)).cache.path == Path("/x/packager")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/users/me")
    assert to_spec(compose(FASHION)).cache.path == Path("/users/me/.cache/packager")


def test_a_task_that_needs_a_recipe_says_so() -> None:
    """With an example."""
    with pytest.raises(SpecError, match="no recipe is chosen") as caught:
        job("task=build").require_recipe()
    assert caught.value.where == "model"
    assert "model=fashion_cnn" in caught.value.remedy


def test_images_are_written_of_a_recipes_dataset_or_of_one_chosen_alone() -> None:
    """A dataset needs no architecture and no name for that."""
    alone = to_spec(compose("dataset=mnist", "dataset.resize=[14,14]", "task=images"))
    assert alone.recipe is None
    assert alone.require_dataset().name == "mnist"
    assert alone.require_dataset().resize == (14, 14)
    of_recipe = to_spec(compose(FASHION, "task=images"))
    assert of_recipe.recipe is not None
    assert of_recipe.require_dataset() is of_recipe.recipe.dataset


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (("task=images",), "dataset: no dataset is chosen"),
        (("task=images", "architecture=mnist_cnn"), "dataset: no dataset is chosen"),
        (("task=images", "dataset=none"), "dataset: no dataset is chosen"),
        (
            (FASHION, "task=images", "dataset=none", "trainer=none"),
            "dataset: this recipe has no data",
        ),
        (("task=images", "dataset=npz"), "dataset.path: is not given"),
        (("task=images", "dataset=mnist", "dataset.name=???"), "dataset: no dataset is chosen"),
        (("task=images", "dataset=mnist", "task.limit=0"), "task.limit: is 0"),
        (("task=images", "dataset=mnist", "task.workers=-1"), "task.workers: is -1"),
        (("task=images", "dataset=mnist", "task.to=''"), "task.to: is empty"),
    ],
)
def test_images_of_no_dataset_are_refused(overrides: tuple[str, ...], problem: str) -> None:
    """With what to choose."""
    with pytest.raises(SpecError) as caught:
        to_spec(compose(*overrides)).require_dataset()
    assert str(caught.value).startswith(problem)
    assert "Remedy: " in str(caught.value)
