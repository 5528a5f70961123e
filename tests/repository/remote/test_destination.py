"""An object store as builds see it: the same questions as to a directory."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from packager.repository import signing
from packager.repository.destination import destination_of
from packager.repository.remote.pull import pull

from .models import Marked

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import RemoteRepositorySpec


def test_what_was_staged_is_as_published(repository: RemoteRepositorySpec, tmp_path: Path) -> None:
    """With its number, its labels beside the artifact, and a signature that holds when pulled."""
    key, public = tmp_path / "key.pem", tmp_path / "key.pub"
    make = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)]
    subprocess.run(make, check=True)
    show = ["openssl", "ec", "-in", str(key), "-pubout", "-out", str(public)]
    subprocess.run(show, check=True, stderr=subprocess.DEVNULL)
    destination = destination_of(replace(repository, signing_key=key))
    destination.prepare()
    one = Marked(mark="a")
    for number in (1, 2):
        with destination.staged("m") as model:
            model.directory.rmdir()
            one.stage(model)
            published = destination.publish(model, identity="", finish=partial(one.finish, model))
            there = {str(path.relative_to(model.directory)) for path in model.directory.rglob("*")}
        assert (published.version, published.new) == (number, True)
        assert there == {
            "config.pbtxt",
            f"{number}",
            *(
                f"{number}/{name}"
                for name in (
                    "labels.txt",
                    "manifest.json",
                    "metrics.jsonl",
                    "model.pt",
                    "model.sig",
                )
            ),
        }
    pulled = pull(repository, "m", to=tmp_path / "models")
    assert signing.verify(pulled.model.version(2), public) is None
    assert list(repository.staging.iterdir()) == []


def test_a_plan_knows_the_config_as_published(repository: RemoteRepositorySpec) -> None:
    """And the number that the version would get."""
    destination = destination_of(repository)
    one = Marked(mark="a")
    assert destination.next_version("m") == 1
    with destination.staged("m") as model:
        model.directory.rmdir()
        one.stage(model)
        one.finish(model, 1)
        expected = destination.as_published(model.config.read_text(), number=1, versions=())
        destination.publish(model, identity=one.identity, finish=partial(one.finish, model))
    assert destination.files().read("m/config.pbtxt") == expected.encode()
    assert destination.next_version("m") == 2
    assert destination.same_version("m", one.identity) == 1
