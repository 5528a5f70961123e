"""What Triton answers to requests that it does not take."""

from __future__ import annotations

from packager.model_config.rules.rule import Judge, Rule

RULES = (
    Rule(
        id="TRN951",
        wording="unexpected shape for input '{name}' for model '{model}'. Expected {expected}, got"
        " {given}",
        remedy="send the shape that the model's metadata gives; with max_batch_size > 0 the batch"
        " comes first, and dims in config.pbtxt leave it out",
        key="inputs",
    ),
    Rule(
        id="TRN952",
        wording="unexpected shape for input '{name}' for model '{model}'. Expected [-1,-1,"
        "{expected}], got {given}",
        remedy="dims in config.pbtxt begin with the batch, and Triton adds one more: leave it out"
        " of dims, or set max_batch_size: 0",
        key="inputs, serving.max_batch_size",
    ),
    Rule(
        id="TRN953",
        wording="inference request batch-size must be <= {size} for '{model}'",
        remedy="send smaller batches, or raise max_batch_size",
        key="serving.max_batch_size",
    ),
    Rule(
        id="TRN954",
        wording="inference input '{name}' data-type is '{given}', but model '{model}' expects"
        " '{expected}'",
        remedy="send the data type that the model's metadata gives, or correct data_type",
        key="inputs",
    ),
    Rule(
        id="TRN955",
        wording="unexpected inference input '{name}' for model '{model}'",
        remedy="use the input names of the model's metadata (/v2/models/NAME)",
        key="inputs",
    ),
    Rule(
        id="TRN956",
        wording="unexpected inference output '{name}' for model '{model}'",
        remedy="use the output names of the model's metadata (/v2/models/NAME)",
        key="outputs",
    ),
    Rule(
        id="TRN957",
        wording="inputs but got {given} inputs for model '{model}'. Got input(s) [{got}], but"
        " missing required input(s) [{missing}].",
        remedy="send every input, or mark it optional in config.pbtxt where the model needs it not",
        key="inputs",
    ),
    Rule(
        id="TRN958",
        wording="Request for unknown model: '{model}' is not found",
        remedy="correct the name; /v2/repository/index lists what the server knows",
        key="name",
    ),
    Rule(
        id="TRN959",
        wording="Request for unknown model: '{model}' version {version} is not found",
        remedy="ask for a version that version_policy serves: the latest only, by default",
    ),
    Rule(
        id="TRN960",
        wording="Request for unknown model: '{model}' has no available versions",
        remedy="the model did not load: the server's log says why; give it to --explain",
    ),
    Rule(
        id="TRN961",
        wording="Unable to parse 'data': Shape does not match true shape of 'data' field",
        remedy="send as many numbers as shape has elements",
    ),
    Rule(
        id="TRN962",
        wording="input byte size mismatch for input '{name}' for model '{model}'. Expected"
        " {expected}, got {given}",
        remedy="send as many bytes as shape and datatype need",
    ),
    Rule(
        id="TRN963",
        wording="unexpected size for input '{name}', expecting {missing} additional bytes",
        remedy="send as many bytes as shape and datatype need: binary_data_size, and the header"
        " Inference-Header-Content-Length",
    ),
    Rule(
        id="TRN964",
        wording="invalid datatype for input {name}",
        remedy="use Triton's names in requests: FP32, INT64, BYTES, ... (without TYPE_)",
    ),
    Rule(
        id="TRN965",
        wording="input '{name}' already exists in request",
        remedy="send each input once",
    ),
    Rule(
        id="TRN966",
        wording="failed to parse the request JSON buffer",
        remedy="send valid JSON; binary data follow it only with Inference-Header-Content-Length",
    ),
    Rule(
        id="TRN967",
        wording="Unable to parse 'inputs'",
        remedy='send {"inputs": [{"name": ..., "shape": ..., "datatype": ..., "data": ...}]}',
    ),
    Rule(
        id="TRN968",
        wording="Input must set only one of the following fields",
        remedy="give each input its data in one way: data, binary data or shared memory",
    ),
    Rule(
        id="TRN969",
        wording="Unable to find {kind} shared memory region: '{region}'",
        remedy="register the region first; a restarted server knows none",
    ),
    Rule(
        id="TRN970",
        wording="Unable to find shared memory region: '{region}'",
        remedy="register the region first; a restarted server knows none",
    ),
    Rule(
        id="TRN971",
        wording="Unable to open shared memory region: '{region}'",
        remedy="let client and server share /dev/shm (in Docker: --ipc=host, or one volume)",
    ),
    Rule(
        id="TRN972",
        wording="Exceeds maximum queue size",
        remedy="send less at a time, add instances, or raise max_queue_size in the queue policy",
        key="serving.instance_group.count",
    ),
    Rule(
        id="TRN973",
        wording="must specify the START flag on the first request of the sequence",
        remedy="set sequence_start on the first request, and send one sequence to one server",
    ),
    Rule(
        id="TRN974",
        wording="must specify a non-zero or non-empty correlation ID",
        remedy="give requests to a model with sequence_batching a sequence_id",
    ),
    Rule(
        id="TRN975",
        wording="Model version not ready",
        remedy="the model is still loading or did not load: the server's log says which",
    ),
    Rule(
        id="TRN976",
        wording="failed to connect to all addresses",
        remedy="check host and port (gRPC is 8001 by default, HTTP 8000), and that the server runs",
        judge=Judge.packager,
        key="server.grpc_url",
    ),
    Rule(
        id="TRN977",
        wording="Connection refused",
        remedy="check host and port (HTTP is 8000 by default, gRPC 8001), and that the server runs",
        judge=Judge.packager,
        key="server.url",
    ),
    Rule(
        id="TRN984",
        wording="ModelInfer RPC doesn't support models with decoupled transaction policy",
        remedy="use the streaming call (stream_infer, ModelStreamInfer) for a decoupled model",
    ),
    Rule(
        id="TRN978",
        wording="unable to find backend library",
        remedy="the release or image lacks this backend: correct the name, or use an image that has"
        " it (the -py3 image has most)",
    ),
)
