r"""What is read of a running server's log, and what of that is told."""

from __future__ import annotations

from packager.server.external import ExternalServer
from packager.server.log_entries import LogReader
from packager.server.running import Endpoints
from packager.tasks.serve_log import Telling

LOADING = 'I1130 20:37:00.650751 18962 model_lifecycle.cc:472] "loading: m:2"\n'
LOADED = "I1130 20:37:09.355200 18962 model_lifecycle.cc:839] \"successfully loaded 'm'\"\n"
UNLOADED = (
    "I1130 20:37:10.786032 18962 model_lifecycle.cc:624] \"successfully unloaded 'm' version 1\"\n"
)
FAILED = (
    "E1130 20:37:11.170082 1122 model_lifecycle.cc:642] \"failed to load 'm' version 3: Internal: "
    'TritonModelException: not a ZIP archive\\n\\nAt:\\n  /x/model.py(36): initialize\\n"\n'
)
UNREADABLE = (
    "[libprotobuf ERROR /x/text_format.cc:337] Error parsing text-format inference.ModelConfig: "
    '1:20: Message type "inference.ModelConfig" has no field named "platfrm".\n'
    'E1130 20:37:12.650534 18962 model_repository_manager.cc:1460] "Poll failed for model '
    "directory 'bad': failed to read text proto from /x/bad/config.pbtxt\"\n"
)
WARNING = "W1130 20:37:13.1 1 model_repository_manager.cc:1] \"ignoring version directory 'x'\"\n"
NO_GPU = (
    'E1130 20:36:53.364458 18962 server.cc:241] "CudaDriverHelper has not been initialized."\n'
    'W1130 20:36:59.581957 18962 metrics.cc:798] "DCGM unable to start: DCGM initialization"\n'
)


class Logged(ExternalServer):
    """A server of which only the log is there."""

    def __init__(self) -> None:
        super().__init__(Endpoints(http="127.0.0.1:1"))
        self.log = b""

    def log_from(self, position: int) -> bytes:
        """What was put in after that."""
        return self.log[position:]


def told(*pieces: str, models: bool = True) -> list[str]:
    """What is told after each piece of a log, all together."""
    server, telling, lines = Logged(), Telling(), []
    reader = LogReader(server)
    for piece in pieces:
        server.log += piece.encode()
        lines += list(telling.lines(reader.new(), models=models))
    return [f"{line.level}: {line.text}" if line.level else line.text for line in lines]


def test_what_becomes_of_a_model_is_told_with_its_version() -> None:
    """Loading itself is not: it may fail."""
    assert told(LOADING) == []
    assert told(LOADING, LOADED, UNLOADED) == ["m 2 is ready", "m 1 is unloaded"]


def test_a_line_that_is_not_finished_waits_for_its_end() -> None:
    """The log is read while it is written."""
    assert told(LOADING, LOADED[:70], LOADED[70:]) == ["m 2 is ready"]
    assert told(LOADING, LOADED[:70]) == []


def test_a_failure_is_told_once_and_again_after_a_load() -> None:
    """Triton tries again at every poll; the Python stub's wrapping is left out."""
    (line,) = told(FAILED, FAILED)
    assert line.startswith("error: m 3 is not ready: not a ZIP archive")
    assert "At:" not in line
    assert len(told(FAILED, LOADING, LOADED, FAILED)) == 3


def test_a_config_that_does_not_parse_is_told_with_its_place() -> None:
    """Protobuf says it in a line of its own before."""
    (line,) = told(UNREADABLE, UNREADABLE)
    assert line.startswith("error: bad is not ready: failed to read text proto from /x/bad/")
    assert '1:20: Message type "inference.ModelConfig" has no field named "platfrm"' in line


def test_warnings_are_told_but_not_that_there_is_no_gpu() -> None:
    """Each once."""
    assert told(NO_GPU, WARNING, WARNING) == ["warning: ignoring version directory 'x'"]


def test_before_a_table_of_models_only_the_rest_is_told() -> None:
    """The table has the reasons."""
    assert told(LOADING, LOADED, FAILED, WARNING, models=False) == [
        "warning: ignoring version directory 'x'"
    ]
