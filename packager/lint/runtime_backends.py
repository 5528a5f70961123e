"""What backends other than libtorch say when they do not load a model."""

from __future__ import annotations

from packager.model_config.rules.rule import Judge, Rule

RULES = (
    Rule(
        id="TRN941",
        wording="the model expects {expected} but the model configuration specifies {given}",
        remedy="give the tensor the dims or data_type that the model has; leave them out to let the"
        " backend complete them",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN979",
        wording="the model expects {expected} but the model configuration specifies {count}"
        " dimensions (an initial batch dimension because max_batch_size > 0 followed by the"
        " explicit tensor shape, making complete shape {given})",
        remedy="Triton adds the batch to dims: leave it out of dims and give the model's dims"
        " behind the batch, or set max_batch_size: 0 and give the model's whole shape",
        judge=Judge.backend,
        key="inputs, outputs, serving.max_batch_size",
    ),
    Rule(
        id="TRN942",
        wording="for the model to support batching the shape should have at least 1 dimension",
        remedy="the model was exported for a fixed batch: set max_batch_size: 0 with the whole"
        " shape in dims, or export it with a variable first dimension",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN943",
        wording="unexpected inference {kind} '{name}', allowed {kinds} are: {allowed}",
        remedy="name the tensor as the model does",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN944",
        wording="Unsupported model IR version: {found}, max supported IR version: {supported}",
        remedy="export the ONNX file for an older version, or use a newer release of Triton",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN945",
        wording="Version tag does not match",
        remedy="a TensorRT plan runs on the version that built it only: build it in the container"
        " of the server's release, on the same kind of GPU",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN946",
        wording="Unable to initialize shared memory key '{key}' to requested size",
        remedy="give the container more shared memory: docker run --shm-size=1g",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN947",
        wording="Failed to increase the shared memory pool size",
        remedy="give the container more shared memory: docker run --shm-size=1g",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN948",
        wording="unable to load shared library: {library}: cannot open shared object file",
        remedy="the library is not in this image or not on LD_LIBRARY_PATH: use the image of the"
        " backend's release",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN949",
        wording="Triton TRITONBACKEND API version: {ours} does not support '{backend}'"
        " TRITONBACKEND API version: {theirs}",
        remedy="build the backend for the server's release (-DTRITON_CORE_REPO_TAG), or update the"
        " server",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN950",
        wording="the provided PTX was compiled with an unsupported toolchain",
        remedy="update the driver, or choose an older release of Triton",
        judge=Judge.backend,
        key="server.image",
    ),
    Rule(
        id="TRN980",
        wording="failed:Protobuf parsing failed",
        remedy="the ONNX file is damaged, was copied in part, or is a git-LFS pointer: copy it"
        " anew",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN981",
        wording="Stub process '{name}' is not healthy",
        remedy="the Python model's process has ended: the lines before say why (memory, a crash in"
        " a library, too little /dev/shm)",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN982",
        wording="The engine plan file is not compatible with this version of TensorRT, expecting"
        " library version {expected}",
        remedy="build the plan in the container of the server's release",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN983",
        wording="configuration specified max_batch_size {given}, but in auto-complete-config"
        " function",
        remedy="give max_batch_size in config.pbtxt and set_max_batch_size() the same value",
        judge=Judge.backend,
    ),
)
