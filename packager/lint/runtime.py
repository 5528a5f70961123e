"""Errors that are no config's: what users meet when a server starts, loads and answers.

Told only by --explain. Wordings were taken from Triton 2.51 and libtorch, most by provoking them.
"""

from __future__ import annotations

from packager.lint import runtime_backends, runtime_requests
from packager.model_config.rules.rule import Judge, Rule

_START = (
    Rule(
        id="TRN901",
        wording="failed to load all models",
        remedy="the lines and the table of models before this one name the reason for each; or"
        " start tritonserver with --exit-on-error=false",
    ),
    Rule(
        id="TRN902",
        wording="Socket '{address}' already in use",
        remedy="stop what listens on the port, or choose others: --http-port, --grpc-port,"
        " --metrics-port",
        key="server.http_port",
    ),
    Rule(
        id="TRN903",
        wording="failed to poll from model repository",
        remedy="the server's own log says why: the reply does not; give the log to --explain",
    ),
    Rule(
        id="TRN904",
        wording="model not found in any model repository",
        remedy="correct the name; in the HTTP protocol a name with spaces or letters outside ASCII"
        " is never found",
        key="name",
    ),
    Rule(
        id="TRN905",
        wording="explicit model load / unload is not allowed if polling is enabled",
        remedy="start tritonserver with --model-control-mode=explicit",
        key="task.control",
    ),
    Rule(
        id="TRN906",
        wording="polling is disabled",
        remedy="start tritonserver with --model-control-mode=poll",
        key="task.control",
    ),
    Rule(
        id="TRN908",
        wording="creating server: Internal - failed to stat file {path}",
        remedy="there is no such repository where the server runs: correct --model-repository, or"
        " mount the directory (docker run -v)",
        key="repository.path",
    ),
    Rule(
        id="TRN907",
        wording="unable to find '{path}' for model instance '{model}'",
        remedy="put model.pt into the version directory, or name it in default_model_filename",
        judge=Judge.backend,
    ),
)

_TORCH = (
    Rule(
        id="TRN921",
        wording="failed locating file constants.pkl",
        remedy="model.pt is no TorchScript (a state dict, or torch.save of a module): save"
        " torch.jit.script(module) or torch.jit.trace(module, example)",
        judge=Judge.backend,
        key="architecture.torchscript",
    ),
    Rule(
        id="TRN922",
        wording="PytorchStreamReader failed",
        remedy="model.pt is damaged or was copied in part: copy it anew, and compare its sha256",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN923",
        wording="Unknown builtin op: {operator}",
        remedy="the file was saved by a newer torch than the server's, or uses operators of an"
        " extension: save it with the torch of the server's release, or serve it with a newer one",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN924",
        wording="Attempted to read a PyTorch file with version {found}, but the maximum supported"
        " version for reading is {supported}",
        remedy="save it with the torch of the server's release, or serve it with a newer release",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN925",
        wording="configuration expects {expected} inputs, model provides {given}",
        remedy="list as many inputs as forward() takes arguments",
        judge=Judge.backend,
        key="inputs",
    ),
    Rule(
        id="TRN926",
        wording="configuration expects datatype {expected} for output '{name}', model provides"
        " {given}",
        remedy="set the output's data_type to what the model gives; libtorch compares them at the"
        " first request only",
        judge=Judge.backend,
        key="outputs",
    ),
    Rule(
        id="TRN927",
        wording="is a scalar which is not supported.",
        remedy="let forward() return one row a sample, for example x.sum(1, keepdim=True)",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN928",
        wording="in the model configuration refers to an output index which doesn't exist",
        remedy="number the outputs from OUTPUT__0, no more than forward() returns",
        judge=Judge.backend,
        key="outputs",
    ),
    Rule(
        id="TRN929",
        wording="An input of type '{type}' was detected in the model.",
        remedy="let forward() take tensors only (List[str] and Dict[str, Tensor] are the others"
        " that libtorch passes)",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN930",
        wording="Expected all tensors to be on the same device",
        remedy="a device was traced into the graph: script the module, or make tensors in forward()"
        " with device=x.device",
        judge=Judge.backend,
        key="export.optimize",
    ),
    Rule(
        id="TRN931",
        wording="expected scalar type {expected} but found {given}",
        remedy="give the input the data_type that the model was trained with, or convert it in"
        " forward()",
        judge=Judge.backend,
        key="inputs",
    ),
    Rule(
        id="TRN932",
        wording="mat1 and mat2 shapes cannot be multiplied",
        remedy="the request's dims are not what the model takes: libtorch compares no dims; correct"
        " inputs' dims, without the batch",
        judge=Judge.backend,
        key="inputs",
    ),
    Rule(
        id="TRN933",
        wording="PyTorch execute failure: {error}",
        remedy="the model itself fails on this request; run the same bytes through model.pt in"
        " Python",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN934",
        wording="CUDA out of memory. Tried to allocate",
        remedy="lower the count of instances, max_batch_size, or the models on this GPU",
        judge=Judge.backend,
        key="serving.instance_group.count",
    ),
    Rule(
        id="TRN935",
        wording="no kernel image is available for execution on the device",
        remedy="the server's release does not support this GPU (too old or too new): choose a"
        " release that does",
        judge=Judge.backend,
        key="server.image",
    ),
    Rule(
        id="TRN936",
        wording="CUDA driver version is insufficient for CUDA runtime version",
        remedy="update the driver, or choose an older release; on a host without a GPU it is"
        " harmless, and models need KIND_CPU",
        key="serving.instance_group.kind",
    ),
    Rule(
        id="TRN937",
        wording="No module named '{module}'",
        remedy="install it into the Python that the server's Python backend uses",
        judge=Judge.backend,
    ),
    Rule(
        id="TRN938",
        wording="version `{symbol}' not found (required by {file})",
        remedy="the library was built on a newer system: build it inside the server's container",
        judge=Judge.backend,
    ),
)

RUNTIME_RULES = (*_START, *_TORCH, *runtime_backends.RULES, *runtime_requests.RULES)
