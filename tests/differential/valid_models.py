"""Strategies of valid models, over all fields that a server without a GPU can judge.

Left out are fields that the server's release does not know: `model_metrics`,
`ensemble_scheduling.max_inflight_requests`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.differential import valid_schedulers, valid_tensors
from tests.differential.draft import Draft

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

GIVEN = st.sampled_from(
    [
        ("", "custom"),
        ("anything", "custom"),
        ("pytorch_libtorch", ""),
        ("", "pytorch"),
        ("pytorch_libtorch", "pytorch"),
        ("onnxruntime_onnx", ""),
        ("", "onnxruntime"),
        ("tensorrt_plan", ""),
        ("", "tensorrt"),
        ("tensorflow_savedmodel", ""),
        ("tensorflow_graphdef", "tensorflow"),
    ]
)
"""Pairs of platform and backend that Triton takes as they are."""

INFERRED = st.sampled_from(
    [
        {"1/model.pt": b""},
        {"1/model.onnx": b""},
        {"1/model.onnx/weights": b""},
        {"1/model.plan": b""},
        {"1/model.graphdef": b""},
        {"1/model.savedmodel/saved_model.pb": b""},
        {"1/model.savedmodel/x": b"", "1/model.graphdef": b""},
        {"1/model.pt": b"", "1/model.onnx": b""},
    ]
)
"""Files that tell the backend where the config does not."""

FILENAMES = st.sampled_from(
    ["model.pt", "model.onnx", "model.plan", "model.savedmodel", "model.graphdef"]
)


@st.composite
def bare(draw: DrawFn, *, batches: bool | None = None) -> Draft:
    """A model with a backend, and nothing else."""
    draft = Draft()
    platform, backend = draw(GIVEN)
    draft.config.platform, draft.config.backend = platform, backend
    if draw(st.booleans()) if batches is None else batches:
        draft.config.max_batch_size = draw(st.sampled_from([1, 2, 8, 2**31 - 1]))
    return draft


@st.composite
def with_tensors(
    draw: DrawFn, *, inputs: int = 1, outputs: int = 1, batches: bool | None = None
) -> Draft:
    """A model with at least so many inputs and outputs."""
    draft = draw(bare(batches=batches))
    valid_tensors.add_tensors(draw, draft, "input", least=inputs)
    valid_tensors.add_tensors(draw, draft, "output", least=outputs)
    return draft


@st.composite
def custom(
    draw: DrawFn, *, inputs: int = 1, outputs: int = 1, batches: bool | None = None
) -> Draft:
    """A model with tensors on a backend that no rule knows."""
    draft = draw(with_tensors(inputs=inputs, outputs=outputs, batches=batches))
    draft.config.platform, draft.config.backend = "", "custom"
    return draft


@st.composite
def models(draw: DrawFn) -> Draft:
    """A valid model with any of the fields."""
    draft = draw(with_tensors(inputs=0, outputs=0))
    for add in draw(st.lists(st.sampled_from(_EXTRAS), max_size=4, unique=True)):
        add(draw, draft)
    scheduler = draw(st.sampled_from([None, None, "dynamic", "direct", "oldest"]))
    if scheduler == "dynamic":
        valid_schedulers.add_dynamic_batching(draw, draft)
    elif scheduler is not None:
        valid_schedulers.add_sequence_batching(draw, draft, scheduler)
    return draft


def _add_inferred_backend(draw: DrawFn, draft: Draft) -> None:
    """Leave platform and backend out: a file or the directory's name tells them."""
    draft.config.platform = draft.config.backend = ""
    how = draw(st.sampled_from(["files", "filename", "directory"]))
    if how == "files":
        draft.files |= draw(INFERRED)
    elif how == "filename":
        draft.config.default_model_filename = draw(FILENAMES)
    else:
        draft.suffix = ".custom"


def _add_versions(draw: DrawFn, draft: Draft) -> None:
    """Several version directories, and a policy that serves one or two of them."""
    config = draft.config
    for name in draw(
        st.lists(
            st.sampled_from(["2", "7", "03", "x", "warmup", "configs", "2.bak", "0"]), max_size=3
        )
    ):
        draft.files.setdefault(f"{name}/", b"")
    choice = draw(st.sampled_from(["empty", "latest", "specific", "absent", "all"]))
    if choice == "empty":
        config.version_policy.SetInParent()
    elif choice == "latest":
        config.version_policy.latest.num_versions = draw(st.sampled_from([1, 2, 2**32 - 1]))
    elif choice == "all":
        config.version_policy.all.SetInParent()
    else:
        versions = [1] if choice == "specific" else [1, 9]
        config.version_policy.specific.versions.extend(draw(st.permutations(versions)))


def _add_instances(draw: DrawFn, draft: Draft) -> None:
    """One or two groups on the CPU; a count below 1 is the backend's default."""
    for _ in range(draw(st.integers(1, 2))):
        group = draft.config.instance_group.add(
            kind=draw(st.sampled_from([0, 2, 3])),
            count=draw(st.sampled_from([0, 1, -3])),
            name=draw(st.sampled_from(["", "g"])),
            passive=draw(st.booleans()),
            host_policy=draw(st.sampled_from(["", "policy"])),
        )
        if draw(st.booleans()):
            group.rate_limiter.priority = 2
            group.rate_limiter.resources.add(name="r", count=draw(st.integers(0, 3)))
        if draw(st.booleans()):
            group.secondary_devices.add(device_id=1)


def _add_cache(draw: DrawFn, draft: Draft) -> None:
    draft.config.response_cache.enable = draw(st.booleans())
    if draw(st.booleans()):
        draft.config.model_transaction_policy.decoupled = not draft.config.response_cache.enable


def _add_optimization(draw: DrawFn, draft: Draft) -> None:
    optimization = draft.config.optimization
    optimization.priority = draw(st.sampled_from([0, 1, 2, 9]))
    optimization.eager_batching = draw(st.booleans())
    if draw(st.booleans()):
        optimization.graph.level = -1
        optimization.cuda.graph_spec.add(batch_size=1).input["a"].dim.append(0)
    if draw(st.booleans()):
        accelerator = optimization.execution_accelerators.cpu_execution_accelerator.add()
        accelerator.name = "openvino"
        accelerator.parameters["k"] = "v"
    optimization.input_pinned_memory.enable = draw(st.booleans())


def _add_parameters(draw: DrawFn, draft: Draft) -> None:
    keys = ["", "a", "INTRA_OP_THREAD_COUNT"]
    for key in draw(st.lists(st.sampled_from(keys), unique=True)):
        draft.config.parameters[key].string_value = draw(st.sampled_from(["", "1", "no", "é"]))
    for key in draw(st.lists(st.sampled_from(["", "team"]), unique=True)):
        draft.config.metric_tags[key] = "x"
    draft.config.cc_model_filenames["7.0"] = "none.pt"
    draft.config.model_operations.op_library_filename.append("none.so")


def _add_filename(draw: DrawFn, draft: Draft) -> None:
    if draft.config.platform or draft.config.backend:
        draft.config.default_model_filename = draw(st.sampled_from(["no.bin", "../x", "model.pt"]))


_EXTRAS = (
    _add_inferred_backend,
    _add_filename,
    _add_versions,
    _add_instances,
    _add_cache,
    _add_optimization,
    _add_parameters,
    valid_tensors.add_batch_io,
    valid_tensors.add_labels,
    valid_schedulers.add_warmup,
)
