"""What the linter says of files and directories, held against a real server."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from packager.lint import explain, repository
from packager.lint.log_messages import messages
from packager.model_config.rules.facts import Host
from packager.model_config.rules.rule import Severity
from packager.server.embedded import embedded
from packager.server.wheel import unavailable_reason
from packager.spec.server import ControlMode, EmbeddedServerSpec
from tests.lint.repositories import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packager.server.running import Server

pytestmark = pytest.mark.skipif(unavailable_reason() is not None, reason="no embedded server")

MODEL = """\
class TritonPythonModel:
    def execute(self, requests):
        return []
"""
CONFIG = """\
backend: "python"
input { name: "x" data_type: TYPE_FP32 dims: 1 }
output { name: "y" data_type: TYPE_FP32 dims: 1 }
instance_group { kind: KIND_CPU }
"""
STRICT = Host(auto_complete=False, gpus=frozenset())

LOADED = {
    "plain": CONFIG.encode(),
    "lines-of-windows": CONFIG.replace("\n", "\r\n").encode(),
    "latin-in-a-comment": CONFIG.encode() + b"# \xe4\n",
    "latin-in-a-string": CONFIG.encode()
    + b'parameters { key: "k" value { string_value: "\xe4" } }',
    "bytes-by-escape": CONFIG.encode() + rb'parameters { key: "k" value { string_value: "\377" } }',
}
REFUSED = {
    "byte-order-mark": b"\xef\xbb\xbf" + CONFIG.encode(),
    "zero-byte": CONFIG.encode() + b"\0",
    "unknown-field": CONFIG.encode() + b"max_batchsize: 1",
    "other-name": b'name: "x"\n' + CONFIG.encode(),
    "no-config": None,
    "dangling-link": CONFIG.encode(),
    "link-to-itself": CONFIG.encode(),
    "leading-zero": CONFIG.encode(),
    "a b": CONFIG.encode(),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of all of them."""
    root = tmp_path_factory.mktemp("models")
    for name, content in (LOADED | REFUSED).items():
        version = "01" if name == "leading-zero" else "1"
        write(root, {f"{name}/{version}/model.py": MODEL})
        if content is not None:
            (root / name / "config.pbtxt").write_bytes(content)
    (root / "dangling-link" / "x").symlink_to("nowhere")
    (root / "link-to-itself" / "x").symlink_to("x")
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    """A server in explicit mode, which completes nothing."""
    flags = ["--disable-auto-complete-config"]
    control = ControlMode.explicit
    with embedded(EmbeddedServerSpec(), root, control=control, extra_flags=flags) as server:
        yield server


def _load(server: Server, name: str) -> bool:
    """Ask the server to load a model; return whether it did."""
    connection = http.client.HTTPConnection(server.endpoints.http, timeout=30)
    connection.request("POST", f"/v2/repository/models/{quote(name)}/load", json.dumps({}))
    status = connection.getresponse().status
    connection.close()
    return status == 200


@pytest.mark.parametrize("name", [*LOADED, *REFUSED])
def test_the_server_refuses_what_the_linter_finds(server: Server, root: Path, name: str) -> None:
    """Errors stand for a refusal, warnings for a load; a name with a space is never found."""
    found = [one for one in repository.check(str(root), host=STRICT).findings if one.model == name]
    errors = [one for one in found if one.severity is Severity.error]
    unreachable = [one for one in found if one.rule_id == "TRN742"]
    assert _load(server, name) == (not errors and not unreachable)
    assert (name in REFUSED) == bool(errors or unreachable)


def test_the_servers_log_is_explained(server: Server) -> None:
    """Each refusal by the linter's own rule."""
    for name in REFUSED:
        _load(server, name)
    log = server.log_tail(10_000)
    told = {rule.id for message in messages(log) for rule in explain.recognise(message)}
    assert {"TRN101", "TRN108", "TRN731", "TRN736", "TRN701"} <= told
