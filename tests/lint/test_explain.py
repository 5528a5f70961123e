"""Explaining: what users have in their hands names the rule, the recipe's key and the fix."""

# ruff: noqa: E501  messages as the server writes them

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest

from packager.lint import explain
from packager.lint.log_messages import messages
from packager.lint.runtime import RUNTIME_RULES
from packager.model_config.rules.catalogue import RULES

if TYPE_CHECKING:
    from packager.model_config.rules.rule import Rule

NOTE = "NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension"
TABLE = """\
I1122 16:27:45.382512 12309 server.cc:674]
+-------+---------+----------------------------------------------------------+
| Model | Version | Status                                                   |
+-------+---------+----------------------------------------------------------+
| a     | 1       | READY                                                    |
| b     | 1       | UNAVAILABLE: Invalid argument: model input 'x' must      |
|       |         | specify 'dims' for b                                     |
| c     | 1       | UNAVAILABLE: Internal: failed to load model 'c': PytorchStreamReader failed locating file constants.pkl: file not found |
+-------+---------+----------------------------------------------------------+
"""


def rules(text: str) -> list[str]:
    """Return the ids of what a text tells."""
    out = io.StringIO()
    explain.run(text, out)
    return re.findall(r"^    rule:   (TRN\d+)", out.getvalue(), re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (
            (
                'E1122 16:18:17.069928 26310 model_repository_manager.cc:1460] "Poll failed for model'
                " directory 'm': failed to open text file for read /r/m/config.pbtxt: No such file or"
                ' directory"'
            ),
            "TRN731",
        ),
        (
            (
                "E1122 16:18:17.1 26310 model_repository_manager.cc:1460] Poll failed for model"
                " directory 'm': unexpected directory name 'm' for model 'n', directory name must"
                " equal model name"
            ),
            "TRN108",
        ),
        (
            (
                "tritonclient.utils.InferenceServerException: [400] [request id: <id_unknown>]"
                f" unexpected shape for input 'x' for model 'm'. Expected [-1,4], got [4]. {NOTE}"
            ),
            "TRN951",
        ),
        (
            (
                "{\"error\":\"[request id: 7] unexpected shape for input 'x' for model 'm'. Expected"
                f' [-1,-1,1,28,28], got [1,1,28,28]. {NOTE}"}}'
            ),
            "TRN952",
        ),
        (
            (
                "[StatusCode.INVALID_ARGUMENT] [request id: <id_unknown>] inference request batch-size"
                " must be <= 4 for 'm'"
            ),
            "TRN953",
        ),
        (
            (
                "{\"error\":\"[request id: <id_unknown>] inference input 'x' data-type is 'FP64', but"
                " model 'm' expects 'FP32'\"}"
            ),
            "TRN954",
        ),
        ("unexpected inference input 'z' for model 'ok'", "TRN955"),
        ("unexpected inference output 'q' for model 'ok'", "TRN956"),
        (
            (
                "[request id: <id_unknown>] expected 1 inputs but got 0 inputs for model 'ok'. Got"
                " input(s) [], but missing required input(s) ['x']. Please provide all required"
                " input(s)."
            ),
            "TRN957",
        ),
        ("Request for unknown model: 'nope' is not found", "TRN958"),
        ("Request for unknown model: 'ok' version 7 is not found", "TRN959"),
        ("Request for unknown model: 'ok' has no available versions", "TRN960"),
        (
            (
                "Internal: failed to load model 'm': PytorchStreamReader failed reading zip archive:"
                " failed finding central directory"
            ),
            "TRN922",
        ),
        ("Unknown builtin op: aten::scaled_dot_product_attention.", "TRN923"),
        (
            "unable to load model 'm', configuration expects 1 inputs, model provides 2",
            "TRN925",
        ),
        (
            (
                "PyTorch execute failure: The following operation failed in the TorchScript"
                " interpreter.\nRuntimeError: mat1 and mat2 shapes cannot be multiplied (1x3 and 4x3)"
            ),
            "TRN932",
        ),
        (
            (
                "PyTorch execute failure: Expected all tensors to be on the same device, but found at"
                " least two devices, cuda:0 and cpu!"
            ),
            "TRN930",
        ),
        ("CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 15.78 GiB total)", "TRN934"),
        ("CUDA error: no kernel image is available for execution on the device", "TRN935"),
        (
            (
                'E1122 16:27:45.4 1 main.cc:10] "failed to start HTTP service: Unavailable - Socket'
                " '0.0.0.0:8000' already in use \""
            ),
            "TRN902",
        ),
        ("error: creating server: Internal - failed to load all models", "TRN901"),
        (
            (
                "failed to load 'm' version 1: Invalid argument: instance group m_0 of model m has kind"
                " KIND_GPU but no GPUs are available"
            ),
            "TRN503",
        ),
        (
            (
                "[libprotobuf ERROR /src/text_format.cc:337] Error parsing text-format"
                ' inference.ModelConfig: 3:1: Message type "inference.ModelConfig" has no field named'
                ' "x".\nfailed to read text proto from /r/m/config.pbtxt'
            ),
            "TRN101",
        ),
        (
            (
                "failed to load 'm' version 1: Invalid argument: [request id: <id_unknown>] unexpected"
                f" shape for input 'x' for model 'm'. Expected [-1,4], got [1,3]. {NOTE}"
            ),
            "TRN607",
        ),
        (
            "failed to load 'd' version 1: Invalid argument: model 'd', tensor 'fc6_1': the model expects 4 dimensions (shape [1,1000,1,1]) but the model configuration specifies 1 dimensions (shape [1001])",
            "TRN941",
        ),
        ("error: creating server: Internal - failed to stat file /models", "TRN908"),
        ("Unable to find shared memory region: 'input_data'", "TRN970"),
        ("what does TRN205 mean?", "TRN205"),
    ],
)
def test_an_error_names_its_rule(text: str, rule: str) -> None:
    """The most specific one, whatever stands around the server's words."""
    assert rules(text) == [rule]


def test_a_table_of_models_is_read_with_its_wrapped_rows() -> None:
    """A model that is ready says nothing."""
    assert rules(TABLE) == ["TRN203", "TRN921"]


CUT = """\
+-------+---------+-----------------------------------------------------------------------+
| Model | Version | Status                                                                |
+-------+---------+-----------------------------------------------------------------------+
| gpt2  | 1       | UNAVAILABLE: Internal: Unable to initialize shared memory key '/gpt2_0_ |
|       |         | CPU_0' to requested size (67108864 bytes). If you are running Tr      |
|       |         | iton inside docker, use '--shm-size' flag                             |
+-------+---------+-----------------------------------------------------------------------+
"""


def test_a_table_whose_rows_are_cut_within_words_is_read() -> None:
    """As older servers write it."""
    assert rules(CUT) == ["TRN946"]


@pytest.mark.parametrize("text", ["", "all is well", "Segmentation fault", "\n\n|\n", "error"])
def test_what_is_not_known_is_said_so(text: str) -> None:
    """With status 1."""
    out = io.StringIO()
    assert explain.run(text, out) == 1
    assert out.getvalue().startswith("nothing here is known")


def test_an_explanation_has_rule_remedy_and_recipe_key() -> None:
    """Once, however often the log repeats it."""
    out = io.StringIO()
    log = "'max_batch_size' must be non-negative value for m\n" * 3
    assert explain.run(log, out) == 0
    assert out.getvalue().splitlines() == [
        "'max_batch_size' must be non-negative value for m",
        (
            "    rule:   TRN107, told by Triton's core: 'max_batch_size' must be non-negative value for"
            " {model}"
        ),
        "    remedy: set 0 for no batching, or the largest batch",
        "    recipe: serving.max_batch_size",
    ]


def told(text: str) -> list[str]:
    """Return the lines that an explanation has."""
    out = io.StringIO()
    explain.run(text, out)
    return out.getvalue().splitlines()


E = "E1122 09:35:52.1 5131 model_lifecycle.cc:642]"


def test_each_model_is_told_of_where_a_wording_ends_with_its_name() -> None:
    """A log has one line for each model with the same fault."""
    lines = [
        "model input 'x' must specify 'dims' for a",
        "model input 'x' must specify 'dims' for b",
        "failed to read text proto from /r/a/config.pbtxt",
        "failed to read text proto from /r/b/config.pbtxt",
    ]
    assert rules("\n".join(lines)) == ["TRN203", "TRN203", "TRN101", "TRN101"]


def test_each_model_is_told_of_where_a_wording_never_varies() -> None:
    """By the name in the rest of the line; the server's table repeats it."""
    text = "failed to load model '{0}': PytorchStreamReader failed locating file constants.pkl"
    log = "".join(
        f"{E} \"failed to load '{one}' version 1: Internal: {text.format(one)}\"\n" for one in "ab"
    )
    assert rules(log + text.format("a")) == ["TRN921", "TRN921"]


def test_a_gpu_is_refused_on_a_host_that_has_none() -> None:
    """The list at the message's end is empty."""
    text = (
        "instance group m_0 of model m specifies invalid or unsupported gpu id 0. GPUs with at least"
        " the minimum required CUDA compute compatibility of 6.000000 are: "
    )
    assert rules(text) == ["TRN504"]


def test_what_is_not_known_is_listed_instead_of_noise() -> None:
    """Once, as the log's longest entry has it; the driver's line stands in every log of a CPU host."""
    noise = (
        "W1122 09:35:52.1 5131 a.cc:1] CUDA driver version is insufficient for CUDA runtime version"
    )
    failed = f"{E} \"failed to load 'm' version 1: Internal: the frobnicator is stuck\""
    table = "| m | 1 | UNAVAILABLE: Internal: the frobnicator is stuck |"
    out = io.StringIO()
    assert explain.run(f"{noise}\n{failed}\n{table}", out) == 1
    assert out.getvalue().splitlines() == [
        "failed to load 'm' version 1: Internal: the frobnicator is stuck",
        "    not known: no rule is for this error",
    ]


def test_warnings_come_after_errors() -> None:
    """Whatever order the log has."""
    warning = "ignore version directory 'src' which fails to convert to integral number"
    assert rules(f"{warning}\nUnknown builtin op: a::b") == ["TRN923", "TRN704"]


def test_protobufs_line_gives_a_config_its_place_and_remedy() -> None:
    """It stands before the server's own line, each time."""
    proto = (
        "[libprotobuf ERROR text_format.cc:337] Error parsing text-format inference.ModelConfig:"
    )
    lines = [
        f'{proto} 4:27: Expected integer, got: "8"',
        "failed to read text proto from /r/a/config.pbtxt",
        f'{proto} 4:27: Expected integer, got: "8"',
        "failed to read text proto from /r/b/config.pbtxt",
    ]
    found = told("\n".join(lines))
    place = '    place:  /r/{}/config.pbtxt:4:27: Expected integer, got: "8"'
    assert [one for one in found if "place:" in one] == [place.format("a"), place.format("b")]
    assert found.count("    remedy: write the number without quotes: 8") == 2


def test_protobufs_line_alone_is_known() -> None:
    """It is an unreadable config, whichever."""
    proto = "Error parsing text-format inference.ModelConfig: 3:1: Expected identifier, got: <"
    assert rules(f"[libprotobuf ERROR text_format.cc:337] {proto}") == ["TRN101"]


@pytest.mark.parametrize("text", ["the seat is already in use", "no CUDA out of memory was seen"])
def test_a_sentence_is_no_error_of_tritons(text: str) -> None:
    """However near its words are."""
    assert rules(text) == []


def test_a_batch_counted_twice_is_told_apart_from_wrong_dims() -> None:
    """The model's shape is what the config has, and Triton adds the batch."""
    text = (
        "model 'm', tensor 'x': the model expects 2 dimensions (shape [-1,4]) but the model"
        " configuration specifies 3 dimensions (an initial batch dimension because max_batch_size > 0"
        " followed by the explicit tensor shape, making complete shape [-1,-1,4])"
    )
    assert rules(text) == ["TRN979"]


@pytest.mark.parametrize("rule", [*RULES.values(), *RUNTIME_RULES], ids=lambda rule: rule.id)
def test_each_rules_own_words_are_recognised(rule: Rule) -> None:
    """As itself, or as one that says no less."""
    text = explain.PLACEHOLDER.sub("7", rule.wording)
    if rule.id in RULES:
        text = f"failed to load 'm' version 1: Invalid argument: {text}"
    (found,) = {
        one.id: one for message in messages(text) for one in explain.recognise(message)
    }.values()
    assert explain.specificity(found) >= explain.specificity(rule)


def test_ids_are_unique() -> None:
    """A suppression must mean one rule, for ever."""
    known = [rule.id for rule in RUNTIME_RULES]
    assert len({*known, *RULES}) == len(known) + len(RULES)
