"""`python -m packager model=fashion_cnn`: what it prints, publishes and leaves."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

from packager.repository.manifest import sha256

from .program import FASHION, REPOSITORY, STAGING, tree

if TYPE_CHECKING:
    from .conftest import Built, Images, Served
    from .program import Workspace

MODEL = f"{REPOSITORY}/fashion_cnn"
VERSION_FILES = ("golden_request.json", "golden_response.json", "metrics.jsonl", "model.pt")
PRINTED_URL = "http://127.0.0.1:8000"


def test_all_five_proofs_are_shown_as_passed(built: Built) -> None:
    """One row a proof; no verdict is another than passed."""
    verdicts = re.findall(r"^│ (\w+) +│ (\w+) +│", built.result.out, re.MULTILINE)
    proofs = ["rules", "contract", "batching", "parity", "live"]
    assert verdicts == [(proof, "passed") for proof in proofs]
    assert "Triton 2.51.0" in built.result.out


def test_the_model_on_disk_is_exactly_its_files(built: Built) -> None:
    """Nothing else comes into the repository, not even hidden."""
    inside = {name for name in built.files if name.startswith(f"{REPOSITORY}/")}
    (sample,) = (path.name for path in (built.workspace.cwd / MODEL / "warmup").iterdir())
    version = {"manifest.json", *VERSION_FILES, "warmup", f"warmup/{sample}"}
    files = {"config.pbtxt", "labels.txt", "warmup", f"warmup/{sample}", "1"}
    inner = {*files, *(f"1/{name}" for name in version)}
    assert inside == {MODEL, *(f"{MODEL}/{name}" for name in inner)}


def test_the_first_test_image_is_run_while_the_model_loads(built: Built, images: Images) -> None:
    """As clients send it, to the byte."""
    model = built.workspace.cwd / MODEL
    (sample,) = (model / "warmup").iterdir()
    assert sample.read_bytes() == images[:1].tobytes()
    config = (model / "config.pbtxt").read_text()
    assert f'input_data_file: "{sample.name}"' in config
    assert (model / "1" / "warmup" / sample.name).read_bytes() == sample.read_bytes()


def test_labels_are_the_classes_of_the_dataset_in_their_order(built: Built) -> None:
    """A line a class, as Triton's classification extension reads them."""
    labels = (built.workspace.repository / "fashion_cnn" / "labels.txt").read_text()
    assert labels == (
        "t-shirt/top\ntrouser\npullover\ndress\ncoat\nsandal\nshirt\nsneaker\nbag\nankle boot\n"
    )


def test_the_manifest_has_the_digests_of_the_files(built: Built) -> None:
    """It also holds the config that the version was proven with."""
    version = built.workspace.repository / "fashion_cnn" / "1"
    manifest = json.loads((version / "manifest.json").read_text())
    (sample,) = (version / "warmup").iterdir()
    names = (*VERSION_FILES, f"warmup/{sample.name}")
    assert manifest["files"] == {name: sha256(version / name) for name in names}
    assert manifest["golden"] == "4 rows"
    digest = hashlib.sha256(manifest["config"].encode()).hexdigest()
    assert built.files[f"{MODEL}/config.pbtxt"] == digest == manifest["config_sha256"]
    assert {proof["verdict"] for proof in manifest["proofs"].values()} == {"passed"}


def test_metrics_are_what_is_the_same_in_every_build(built: Built) -> None:
    """How long it took is among the manifest's times."""
    version = built.workspace.repository / "fashion_cnn" / "1"
    (epoch,) = map(json.loads, (version / "metrics.jsonl").read_text().splitlines())
    assert set(epoch) == {"epoch", "loss", "accuracy", "lr"}
    times = json.loads((version / "manifest.json").read_text())["times"]
    assert [set(one) for one in times["epochs"]] == [{"epoch", "seconds", "images_per_second"}]


def test_a_subset_is_said_loudly(built: Built) -> None:
    """On stderr while it works, in the summary, and in the manifest."""
    assert re.search(r"^SUBSET: only a part of fashion_mnist", built.result.err, re.MULTILINE)
    assert "on a SUBSET of the dataset" in built.result.out
    version = built.workspace.repository / "fashion_cnn" / "1"
    dataset = json.loads((version / "manifest.json").read_text())["dataset"]
    assert dataset["subset"] is True
    assert (dataset["train_images"], dataset["test_images"]) == (600, 200)


def test_nothing_is_left_running_or_in_temporary_places(built: Built) -> None:
    """No process, no shared memory, no temporary file."""
    assert built.left_behind == []


def test_built_again_it_is_named_with_its_accuracy(with_version_1: Workspace) -> None:
    """It is unchanged: one line, and not a file is touched."""
    before = tree(with_version_1.repository)
    result = with_version_1.run(*FASHION)
    version = with_version_1.repository / "fashion_cnn" / "1"
    accuracy = json.loads((version / "manifest.json").read_text())["metrics"]["accuracy"]
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        "fashion_cnn is unchanged: version 1 in model_repository is the same:"
        f" test accuracy {accuracy:.2%} on a SUBSET of the dataset\n"
    )
    assert tree(with_version_1.repository) == before


def test_only_the_repository_and_its_empty_staging_folder_appear(built: Built) -> None:
    """The working directory is the user's."""
    assert {name for name in built.files if "/" not in name} == {REPOSITORY, STAGING}
    assert built.staged == []


def test_the_printed_serve_command_is_the_one_that_serves(built: Built) -> None:
    """The shared server of these tests was started with its arguments."""
    found = re.search(r"^  (.*) -m packager task=serve$", built.result.out, re.MULTILINE)
    assert found
    (python,) = shlex.split(found[1])
    assert shutil.which(python)


def test_the_printed_curl_request_works(built: Built, served: Served) -> None:
    """Pasted into bash as it stands, but for the port where 8000 was taken."""
    found = re.search(r"^  python3 -c .*? -d @-$", built.result.out, re.MULTILINE | re.DOTALL)
    assert found
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", found[0].replace(PRINTED_URL, served.url)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["model_name"] == "fashion_cnn"
    assert answer["model_version"] == "1"
    assert len(answer["outputs"][0]["data"]) == 10


def test_the_printed_python_request_works(built: Built, served: Served) -> None:
    """Pasted into Python as it stands, but for the port where 8000 was taken."""
    _, found, rest = built.result.out.partition("  import ")
    program = textwrap.dedent(found + rest).replace(PRINTED_URL, served.url)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert len(json.loads(done.stdout)) == 10
