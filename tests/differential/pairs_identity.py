"""Pairs about the text as a whole, platform, backend, files and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.differential import valid_models, valid_schedulers
from tests.differential.pairs import Pair, pair

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from tests.differential.draft import Draft

_WORDS = st.text("abcdefgh_", min_size=1, max_size=8)
_ON = valid_models.with_tensors()
_CUSTOM = valid_models.custom()


def _unknown_field(draw: DrawFn, draft: Draft) -> None:
    text = str(draft.config)
    bad = st.sampled_from(
        [
            "{} : 1",
            "max_batch_size: '{}'",
            "input {{ {} }}",
            "input {{ name: 1 }} # {}",
            "input [ {{ }} # {}",
            "parameters {{ key: {} }}",
            "version_policy: {}",
        ]
    )
    draft.text = f"{text}\n{draw(bad).format('x' + draw(_WORDS))}"


def _odd_text(draw: DrawFn, draft: Draft) -> None:
    draft.text = f"# {draw(_WORDS)}\n{draft.config} ;" if draw(st.booleans()) else None
    if draft.text:
        draft.text = draft.text.removesuffix(" ;") + "# no end of line"


def _no_text(_draw: DrawFn, draft: Draft) -> None:
    draft.has_text = False
    draft.files["config.pbtx"] = b""


def _empty_but_named(draw: DrawFn, draft: Draft) -> None:
    draft.suffix, draft.text = ".custom", draw(st.sampled_from(["", "\n", "# nothing"]))


def _agent(draw: DrawFn, draft: Draft) -> None:
    draft.config.model_repository_agents.agents.add(name=draw(_WORDS)).parameters["a"] = "b"


def _no_agent(_draw: DrawFn, draft: Draft) -> None:
    draft.config.model_repository_agents.SetInParent()


def _nothing(_draw: DrawFn, _draft: Draft) -> None:
    pass


def _no_backend(draw: DrawFn, draft: Draft) -> None:
    draft.config.platform = draft.config.backend = ""
    draft.files |= draw(
        st.sampled_from([{}, {"1/model.bin": b""}, {"1/model.pt/x": b""}, {"2/model.onnx": b""}])
    )


def _backend_in_name(draw: DrawFn, draft: Draft) -> None:
    draft.config.platform = draft.config.backend = ""
    if draw(st.booleans()):
        draft.suffix = ".custom"
    else:
        draft.files |= draw(valid_models.INFERRED)


def _unknown_platform(draw: DrawFn, draft: Draft) -> None:
    draft.config.platform, draft.config.backend = draw(_WORDS), ""
    if draw(st.booleans()):
        draft.config.platform = draw(st.sampled_from(["", "tensorflow_x", "PyTorch_libtorch"]))
        draft.config.default_model_filename = "model.bin"


def _platform_beside_custom(draw: DrawFn, draft: Draft) -> None:
    draft.config.platform, draft.config.backend = draw(_WORDS), "custom"


def _ensemble_backend(draw: DrawFn, draft: Draft) -> None:
    draft.config.platform, draft.config.backend = "ensemble", ""
    if draw(st.booleans()):
        draft.config.backend = draw(st.sampled_from(["custom", "pytorch"]))
    else:
        draft.config.default_model_filename = draw(st.sampled_from(["model.pt", "model.onnx"]))


def _nearly_ensemble(draw: DrawFn, draft: Draft) -> None:
    draft.config.platform = draw(st.sampled_from(["ensembles", "Ensemble", " ensemble"]))
    draft.config.backend = "custom"


def _wrong_pair(draw: DrawFn, draft: Draft) -> None:
    platform, backend, file = draw(
        st.sampled_from(
            [
                ("onnxruntime_onnx", "pytorch", ""),
                ("pytorch", "pytorch", ""),
                ("pytorch_libtorch", "tensorrt", ""),
                ("any", "tensorflow", ""),
                ("", "tensorflow", ""),
                ("tensorflow_graphdef", "onnxruntime", ""),
                ("pytorch_libtorch", "", "model.onnx"),
            ]
        )
    )
    draft.config.platform, draft.config.backend = platform, backend
    draft.config.default_model_filename = file


def _tensorflow_by_file(draw: DrawFn, draft: Draft) -> None:
    draft.config.platform, draft.config.backend = "", "tensorflow"
    draft.config.default_model_filename = draw(
        st.sampled_from(["model.savedmodel", "model.graphdef"])
    )


def _negative(draw: DrawFn, draft: Draft) -> None:
    draft.config.max_batch_size = draw(st.integers(-(2**31), -1))


def _zero(_draw: DrawFn, draft: Draft) -> None:
    draft.config.max_batch_size = 0
    for tensor in (*draft.config.input, *draft.config.output):
        tensor.ClearField("reshape")


def _other_name(draw: DrawFn, draft: Draft) -> None:
    draft.config.name = draw(
        st.one_of(_WORDS, st.sampled_from(["NAMEx", "name", " NAME", "NAME/1"]))
    )


def _no_name(_draw: DrawFn, draft: Draft) -> None:
    draft.config.name = ""


def _cache_decoupled(_draw: DrawFn, draft: Draft) -> None:
    draft.config.response_cache.enable = True
    draft.config.model_transaction_policy.decoupled = True


def _cache_or_decoupled(draw: DrawFn, draft: Draft) -> None:
    cached = draft.config.response_cache.enable = draw(st.booleans())
    draft.config.model_transaction_policy.decoupled = not cached


def _missing_backend(draw: DrawFn, draft: Draft) -> None:
    draft.config.platform = ""
    draft.config.backend = draw(
        st.one_of(_WORDS, st.sampled_from(["openvino", "a b", "../custom"]))
    )


def _known_backend(draw: DrawFn, draft: Draft) -> None:
    draft.config.platform = ""
    draft.config.backend = draw(st.sampled_from(["custom", "pytorch", "onnxruntime", "tensorrt"]))


def _missing_runtime(draw: DrawFn, draft: Draft) -> None:
    draft.config.runtime = f"{draw(_WORDS)}.so"


def _known_runtime(_draw: DrawFn, draft: Draft) -> None:
    draft.config.runtime = "model.py"


def _strategy_beside_sequences(draw: DrawFn, draft: Draft) -> None:
    valid_schedulers.add_sequence_batching(draw, draft)
    draft.config.parameters["TRITON_BATCH_STRATEGY_PATH"].string_value = draw(_WORDS)


def _other_parameter(draw: DrawFn, draft: Draft) -> None:
    valid_schedulers.add_sequence_batching(draw, draft)
    draft.config.parameters[f"TRITON_BATCH_STRATEGY_{draw(_WORDS)}"].string_value = "x"


def _empty_strategy(_draw: DrawFn, draft: Draft) -> None:
    draft.config.parameters["TRITON_BATCH_STRATEGY_PATH"].SetInParent()


def _empty_parameter(draw: DrawFn, draft: Draft) -> None:
    draft.config.parameters[f"TRITON_BATCH_STRATEGY_PATH{draw(_WORDS)}"].SetInParent()


PAIRS: dict[str, Pair] = {
    "TRN101": pair(_ON, _unknown_field, _odd_text),
    "TRN102": pair(_ON, _agent, _nothing),
    "TRN103": pair(_ON, _no_backend, _backend_in_name),
    "TRN104": pair(_ON, _unknown_platform, _platform_beside_custom),
    "TRN105": pair(_ON, _ensemble_backend, _nearly_ensemble),
    "TRN106": pair(_ON, _wrong_pair, _tensorflow_by_file),
    "TRN107": pair(_ON, _negative, _zero),
    "TRN108": pair(_ON, _other_name, _no_name),
    "TRN109": pair(_ON, _cache_decoupled, _cache_or_decoupled),
    "TRN110": pair(_ON, _missing_backend, _known_backend),
    "TRN111": pair(_CUSTOM, _strategy_beside_sequences, _other_parameter),
    "TRN113": pair(_CUSTOM, _missing_runtime, _known_runtime),
    "TRN114": pair(_CUSTOM, _empty_strategy, _empty_parameter),
    "TRN115": pair(_ON, _no_agent, _nothing),
    "TRN731": pair(_ON, _no_text, _empty_but_named),
}
