"""Reasons out of Triton's log; the lines are a real server's."""

from __future__ import annotations

from packager.server.triton_log import failure_reason, last_error, port_was_taken

FAILED = (
    "E1122 09:35:52.109020 5131 model_lifecycle.cc:642] \"failed to load 'bad' version 1: "
    "Internal: TritonModelException: unable to load 'x'\\nsecond line\\n\\nAt:\\n  model.py(6): "
    'initialize\\n"\n'
)
LOADED = "I1122 09:35:53.918792 5131 model_lifecycle.cc:839] \"successfully loaded 'bad'\"\n"
UNREADABLE = (
    "[libprotobuf ERROR /src/text_format.cc:337] Error parsing text-format "
    'inference.ModelConfig: 1:21: Message type "inference.ModelConfig" has no field "f".\n'
    'E1122 09:36:26.390126 5421 model_repository_manager.cc:1460] "Poll failed for model '
    "directory 'oops': failed to read text proto from /r/oops/config.pbtxt\"\n"
)
UNKNOWN = (
    'E1122 09:36:26.405991 5421 model_repository_manager.cc:1415] "failed to poll model '
    "'nope': model not found in any model repository.\"\n"
)
TAKEN = (
    'E1122 09:35:54.244422 5294 main.cc:257] "failed to start HTTP service: Unavailable - '
    "Socket '127.0.0.1:18555' already in use \"\n"
)


def test_the_reason_is_without_what_the_stub_wraps_around_it() -> None:
    """No exception class and no Python trace; its own lines stay."""
    assert failure_reason(FAILED, "bad") == "unable to load 'x'\nsecond line"


def test_a_later_success_clears_the_reason() -> None:
    """And a later failure brings it back."""
    assert failure_reason(FAILED + LOADED, "bad") is None
    assert failure_reason(LOADED + FAILED, "bad") is not None


def test_the_parsers_message_belongs_to_the_reason() -> None:
    """It stands on the line before, outside Triton's own format."""
    reason = failure_reason(UNREADABLE, "oops") or ""
    assert reason.startswith("failed to read text proto from /r/oops/config.pbtxt: Error parsing")


def test_only_the_models_own_failures_count() -> None:
    """A name is compared whole and literally."""
    assert failure_reason(FAILED + UNREADABLE, "ba") is None
    assert failure_reason(FAILED, "b.d") is None
    assert failure_reason(UNKNOWN, "nope") == "model not found in any model repository."


def test_a_taken_port_is_recognised() -> None:
    """And its message is the last error."""
    assert port_was_taken(TAKEN)
    assert not port_was_taken(FAILED)
    assert last_error(FAILED + TAKEN).endswith("already in use")


def test_a_server_that_wrote_nothing_has_a_last_error_too() -> None:
    """As when its libraries are missing; then the loader's plain line counts."""
    assert last_error("") == "it wrote no log"
    assert last_error("error while loading shared libraries\n").startswith("error while loading")
