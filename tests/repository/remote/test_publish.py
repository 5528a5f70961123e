"""Publishing to an object store: what is there, what it serves, and who gets which number."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from packager.model_config.parse import parse
from packager.repository.remote.claims import Claims, State
from packager.repository.remote.files import RemoteFiles
from packager.repository.remote.publish import next_version, same_version
from packager.repository.remote.store import Store
from packager.repository.state import read

from .models import Marked, publish_marked
from .s3 import objects

if TYPE_CHECKING:
    from packager.spec.recipe import RemoteRepositorySpec

ROOT = "team/models"


def test_a_new_model_is_whole(repository: RemoteRepositorySpec, bucket: str) -> None:
    """Its files lie under their number, and its config names that number and these labels."""
    published = publish_marked(repository, "a")
    assert (published.version, published.new) == (1, True)
    assert published.url == f"s3://{bucket}/team/models/m"
    there = objects(bucket)
    assert {path for path in there if path.startswith(f"{ROOT}/")} == {
        f"{ROOT}/m/1/labels.txt",
        f"{ROOT}/m/1/manifest.json",
        f"{ROOT}/m/1/metrics.jsonl",
        f"{ROOT}/m/1/model.pt",
        f"{ROOT}/m/config.pbtxt",
    }
    assert there[f"{ROOT}/m/1/labels.txt"] == b"a\nother\n"
    config = there[f"{ROOT}/m/config.pbtxt"].decode()
    assert config.endswith(
        "version_policy {\n  # packager: versions 1\n  specific { versions: [1] }\n}\n"
    )
    assert parse(config).output[0].label_filename == "1/labels.txt"


def test_the_manifest_tells_the_config_as_published(
    repository: RemoteRepositorySpec, bucket: str
) -> None:
    """And the labels are one of the files that it answers for; the identity stays the build's."""
    publish_marked(repository, "a", hosts=("gpu",))
    publish_marked(repository, "b", hosts=("gpu",))
    there = objects(bucket)
    record = read(RemoteFiles(repository.place), "m").records[2]
    assert record.config == there[f"{ROOT}/m/config.pbtxt"].decode()
    assert record.host_configs == {"gpu": there[f"{ROOT}/m/configs/gpu.pbtxt"].decode()}
    assert set(record.files) == {"labels.txt", "metrics.jsonl", "model.pt"}
    assert record.identity == record.expected_identity == Marked(mark="b", hosts=("gpu",)).identity


def test_policies_become_numbers(repository: RemoteRepositorySpec) -> None:
    """Latest n are the n highest, all are all, and specific ones those with the new one."""
    files = RemoteFiles(repository.place)
    served = []
    for policy in (
        "latest { num_versions: 2 }",
        "latest { num_versions: 2 }",
        "latest { num_versions: 2 }",
        "all { }",
        "specific { versions: [2, NUMBER] }",
    ):
        publish_marked(repository, "a", policy=policy)
        served.append(read(files, "m").served)
    assert served == [(1,), (1, 2), (2, 3), (1, 2, 3, 4), (2, 5)]
    assert files.versions("m") == (1, 2, 3, 4, 5)


def test_the_same_again_is_not_published(repository: RemoteRepositorySpec) -> None:
    """Nothing is claimed for it either; a version in between brings it back."""
    assert publish_marked(repository, "a", same=True).new
    again = publish_marked(repository, "a", same=True)
    assert (again.version, again.new) == (1, False)
    assert next_version(repository, "m") == 2
    assert same_version(repository, "m", identity=Marked(mark="a").identity) == 1
    assert publish_marked(repository, "b", same=True).version == 2
    assert publish_marked(repository, "a", same=True).version == 3


def test_the_same_with_a_file_missing_is_published(
    repository: RemoteRepositorySpec, bucket: str
) -> None:
    """What is not whole any more is not the same."""
    publish_marked(repository, "a", same=True)
    Store("s3").remove([f"{bucket}/{ROOT}/m/1/model.pt"])
    assert publish_marked(repository, "a", same=True).version == 2


def test_sixteen_publishers_give_sixteen_whole_versions(
    repository: RemoteRepositorySpec, bucket: str
) -> None:
    """At the same time, of one model; the newest is served with its own config."""
    marks = "abcdefghijklmnop"
    with ThreadPoolExecutor(len(marks)) as pool:
        published = list(pool.map(lambda mark: publish_marked(repository, mark), marks))
    numbers = {one.version: mark for one, mark in zip(published, marks, strict=True)}
    files = RemoteFiles(repository.place)
    state = read(files, "m")
    assert len(numbers) == 16
    assert sorted(numbers) == list(state.versions)
    assert state.served == state.versions[-1:]
    assert f"# {numbers[state.versions[-1]]}\n" in str(state.config)
    there = objects(bucket)
    for number, mark in numbers.items():
        assert there[f"{ROOT}/m/{number}/model.pt"] == mark.encode() * 100
        assert there[f"{ROOT}/m/{number}/labels.txt"] == f"{mark}\nother\n".encode()
        assert f"# {mark}\n" in state.records[number].config
    assert files.directories("m") == state.versions


def test_sixteen_publishers_of_the_same_give_one_version(
    repository: RemoteRepositorySpec,
) -> None:
    """Whoever comes later finds it published, and leaves nothing."""
    with ThreadPoolExecutor(16) as pool:
        published = list(pool.map(lambda _: publish_marked(repository, "a", same=True), range(16)))
    assert sum(one.new for one in published) == 1
    files = RemoteFiles(repository.place)
    assert {one.version for one in published} == set(files.versions("m"))
    assert files.directories("m") == files.versions("m")


def test_somebody_elses_versions_stay(repository: RemoteRepositorySpec, bucket: str) -> None:
    """Those that their config serves are committed; none is removed, and no number is reused."""
    store = Store("s3")
    for number in (1, 2, 5):
        store.write(f"{bucket}/{ROOT}/m/{number}/model.pt", b"theirs")
    store.write(f"{bucket}/{ROOT}/m/config.pbtxt", b'name: "m" version_policy { all { } }')
    assert RemoteFiles(repository.place).versions("m") == (1, 2, 5)
    store.write(f"{bucket}/{ROOT}/m/config.pbtxt", b'name: "m"')
    assert RemoteFiles(repository.place).versions("m") == (5,)
    assert publish_marked(repository, "a", policy="all { }").version == 6
    assert read(RemoteFiles(repository.place), "m").served == (5, 6)
    assert RemoteFiles(repository.place).directories("m") == (1, 2, 5, 6)


def test_an_upload_that_somebody_works_on_is_left_alone(
    repository: RemoteRepositorySpec, bucket: str
) -> None:
    """This very process has claimed it, and lives; once marked as removed it goes."""
    publish_marked(repository, "a")
    claims = Claims(Store("s3"), f"{bucket}/team/.models.staging/m")
    assert claims.take((1,)) == 2
    Store("s3").write(f"{bucket}/{ROOT}/m/2/model.pt", b"half")
    assert publish_marked(repository, "b").version == 3
    assert RemoteFiles(repository.place).directories("m") == (1, 2, 3)
    claims.mark(2, State.removed)
    assert publish_marked(repository, "c").version == 4
    assert RemoteFiles(repository.place).directories("m") == (1, 3, 4)


def test_a_host_config_that_is_no_longer_built_goes(
    repository: RemoteRepositorySpec, bucket: str
) -> None:
    """That kind of host then takes config.pbtxt."""
    publish_marked(repository, "a", hosts=("cpu", "gpu"))
    assert f"{ROOT}/m/configs/gpu.pbtxt" in objects(bucket)
    publish_marked(repository, "b", hosts=("cpu",))
    assert f"{ROOT}/m/configs/gpu.pbtxt" not in objects(bucket)
