"""What a store refuses or lacks: one clear error each, without any credentials in it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from packager.errors import SpecError, UnavailableError
from packager.repository.remote.files import RemoteFiles
from packager.repository.remote.publish import prepare
from packager.spec.object_url import parsed
from packager.spec.recipe import RemoteRepositorySpec

from . import s3
from .models import publish_marked

if TYPE_CHECKING:
    from pathlib import Path


def _error(spec: RemoteRepositorySpec) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        prepare(spec)
    assert caught.value.where == "repository.path"
    assert s3.SECRET not in str(caught.value)
    return caught.value


def test_a_repository_that_can_be_written_is_prepared(
    repository: RemoteRepositorySpec, bucket: str
) -> None:
    """And nothing is left of the attempt."""
    prepare(repository)
    assert s3.objects(bucket) == {}


def test_no_such_bucket(repository: RemoteRepositorySpec, tmp_path: Path) -> None:
    """It is named, on reading too."""
    assert repository.staging
    missing = RemoteRepositorySpec(url="s3://no-such-bucket/models", staging=tmp_path)
    assert "no bucket 'no-such-bucket'" in _error(missing).problem
    with pytest.raises(UnavailableError, match="no bucket 'no-such-bucket'"):
        RemoteFiles(missing.place).models()


def test_no_credentials(repository: RemoteRepositorySpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy names the variables."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    error = _error(repository)
    assert "no credentials" in error.problem
    assert "AWS_ACCESS_KEY_ID" in error.remedy


def test_nobody_listens(repository: RemoteRepositorySpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint is not repeated: it may hold a password."""
    endpoint = f"http://user:{s3.SECRET}@127.0.0.1:{s3.free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    error = _error(repository)
    assert "cannot be reached" in error.problem


def test_the_library_is_missing(tmp_path: Path) -> None:
    """As in an environment without the extra."""
    program = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from packager.repository.remote.files import RemoteFiles\n"
        "from packager.spec.object_url import parsed\n"
        "try: RemoteFiles(parsed('s3://bucket/models'))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "UnavailableError repository.path: s3:// needs the package s3fs."
        " Remedy: pip install 'packager[s3]'.\n"
    )


def test_reading_a_directory_imports_no_store(tmp_path: Path) -> None:
    """Whoever publishes to a directory does not wait for fsspec."""
    program = (
        "import sys, packager.repository.remote.files, packager.repository.integrity\n"
        "print({'fsspec', 's3fs', 'botocore'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "url",
    [
        f"s3://AKIA:{s3.SECRET}@bucket/models",
        f"s3://bucket/models?X-Amz-Signature={s3.SECRET}",
        f"s3://bucket/models#{s3.SECRET}",
        "s3://bucket",
        "s3://bucket/",
        "s3:///models",
        "s3://bucket/a/../b",
        "s3://bucket/a//b",
        "s3://bucket/ ",
        "s3://bucket/a\nb",
        "file:///models",
        "https://bucket/models",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    """Nothing of them is repeated but the scheme."""
    with pytest.raises(SpecError) as caught:
        parsed(url)
    assert caught.value.where == "repository.path"
    assert s3.SECRET not in str(caught.value)


def test_what_lies_beside_the_root_is_no_model(
    repository: RemoteRepositorySpec, bucket: str
) -> None:
    """Claims and leases have a prefix of their own; no object holds a credential."""
    publish_marked(repository, "a")
    there = s3.objects(bucket)
    assert {path.split("/")[1] for path in there} == {"models", ".models.staging"}
    assert RemoteFiles(repository.place).models() == ("m",)
    assert not any(s3.SECRET.encode() in content for content in there.values())
