"""A second build into a repository that a server polls: version 2, and the server follows."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from .conftest import Images, copy_version_1, wait_for_url
from .program import FASHION, Result, Workspace, tree
from .served_answers import ask, is_ready, scores

if TYPE_CHECKING:
    from .conftest import Built, Served


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """Version 2 beside a copy of version 1: the build, and the server until Ctrl-C."""

    workspace: Workspace
    before: Mapping[str, str]
    result: Result
    url: str
    answer: Images
    served: Result
    left_behind: list[str]

    @property
    def after(self) -> Mapping[str, str]:
        """The files of the model."""
        return tree(self.workspace.repository / "fashion_cnn")


@pytest.fixture(scope="module")
def again(
    built: Built, served: Served, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Again:
    """Other weights, with `server=none`, while `task=serve` runs beside the shared server."""
    assert is_ready(served.url, 1)
    workspace = Workspace(tmp_path_factory.mktemp("again"))
    copy_version_1(built, workspace)
    before = tree(workspace.repository / "fashion_cnn")
    with workspace.start("task=serve") as running:
        url = wait_for_url(running)
        result = workspace.run(*FASHION, "trainer.seed=1", "server=none")
        assert result.status == 0, result.err
        running.wait_until(lambda: is_ready(url, 2), within_s=20)
        answer = ask(url, 2, images)
        running.signal_group(signal.SIGINT)
        ended = running.result()
    return Again(
        workspace=workspace,
        before=before,
        result=result,
        url=url,
        answer=answer,
        served=ended,
        left_behind=workspace.left_behind(),
    )


FILES = (
    *("2/golden_request.json", "2/golden_response.json"),
    *("2/manifest.json", "2/metrics.jsonl", "2/model.pt"),
)


def test_it_is_version_2(again: Again) -> None:
    """Version 1 keeps its bytes; config and labels, which the seed leaves alone, do too."""
    assert "fashion_cnn version 2 is published" in again.result.out
    new = {"2": "folder", "2/warmup": "folder"} | {name: again.after[name] for name in FILES}
    new |= {f"2/{path}": one for path, one in again.before.items() if path.startswith("warmup/")}
    assert again.after == dict(again.before) | new


def test_server_none_publishes_with_the_live_proof_skipped(again: Again) -> None:
    """The table says so, and so does the manifest for ever."""
    assert re.search(r"^│ live +│ skipped │ .*server=none", again.result.out, re.MULTILINE)
    version = again.workspace.repository / "fashion_cnn" / "2"
    proofs = json.loads((version / "manifest.json").read_text())["proofs"]
    verdicts = {name: proof["verdict"] for name, proof in proofs.items()}
    assert verdicts.pop("live") == "skipped"
    assert sorted(verdicts) == ["batching", "contract", "parity", "rules"]
    assert set(verdicts.values()) == {"passed"}


def test_the_polling_server_serves_version_2(again: Again, images: Images) -> None:
    """Without a restart, within seconds."""
    expected = scores(again.workspace.repository, 2, images)
    assert again.answer.argmax(1).tolist() == expected.argmax(1).tolist()
    np.testing.assert_allclose(again.answer, expected, rtol=1e-4, atol=1e-4)


def test_ctrl_c_ends_the_server_cleanly(again: Again) -> None:
    """Status 130, one line, no process and no memory left."""
    assert again.served.status == 130
    assert again.served.err.endswith("interrupted\n")
    assert again.left_behind == []


def test_two_servers_on_one_host_do_not_disturb_each_other(again: Again, served: Served) -> None:
    """The second takes other ports than Triton's own, and its end does not end the first."""
    assert again.url != served.url
    assert is_ready(served.url, 1)
