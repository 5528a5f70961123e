"""Signatures: by the model-signing library, with keys made here, and without a network."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from packager.errors import SpecError, UnavailableError
from packager.repository import signing
from packager.repository.destination import LocalDestination
from packager.repository.publish import rewrite_manifest
from packager.repository.staging import staged

from .staging import fill, repository_in

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """The files of a pair of keys."""

    private: Path
    public: Path


def _write(folder: Path, key: Private, *, password: bytes | None = None) -> Keys:
    folder.mkdir()
    keys = Keys(private=folder / "key.pem", public=folder / "key.pub")
    locked = serialization.BestAvailableEncryption(password) if password else None
    keys.private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            locked or serialization.NoEncryption(),
        )
    )
    keys.public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return keys


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Give a pair of keys."""
    return _write(tmp_path / "keys", ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
def version(tmp_path: Path, keys: Keys) -> Path:
    """Give a version's directory, signed."""
    folder = tmp_path / "1"
    folder.mkdir()
    (folder / "model.pt").write_bytes(b"weights")
    (folder / "manifest.json").write_text("{}\n")
    signing.sign(folder, keys.private)
    return folder


def test_a_signature_holds_wherever_the_version_is_moved(version: Path, keys: Keys) -> None:
    """It is signed in staging, and renamed in under another number."""
    assert signing.verify(version, keys.public) is None
    assert signing.verify(version.rename(version.with_name("23")), keys.public) is None


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()])
def test_other_curves_sign_too(version: Path, tmp_path: Path, curve: ec.EllipticCurve) -> None:
    """A version that is signed again has the new signature."""
    others = _write(tmp_path / "others", ec.generate_private_key(curve))
    signing.sign(version, others.private)
    assert signing.verify(version, others.public) is None


def test_a_version_is_signed_when_it_is_published_and_when_its_manifest_is_rewritten(
    tmp_path: Path, keys: Keys
) -> None:
    """A server that follows the repository proves it after that, and the manifest says so."""
    spec = replace(repository_in(tmp_path), signing_key=keys.private)
    with staged(spec, "m") as model:
        fill(model, "a")
        done = LocalDestination(spec).publish(model, identity="", finish=lambda _: None)
    version = done.model.version(done.version)
    assert signing.verify(version, keys.public) is None
    rewrite_manifest(done, "proven", spec)
    assert signing.verify(version, keys.public) is None
    assert (version / "manifest.json").read_text() == "proven"
    assert not list(version.glob("*.new"))


@pytest.mark.parametrize("name", ["model.pt", "manifest.json"])
def test_a_change_of_any_file_breaks_it(version: Path, keys: Keys, name: str) -> None:
    """One byte more, or the file gone."""
    path = version / name
    path.write_bytes(path.read_bytes() + b" ")
    assert "files were changed" in (signing.verify(version, keys.public) or "")
    path.unlink()
    assert "files were changed" in (signing.verify(version, keys.public) or "")


@pytest.mark.parametrize("name", ["new", "deep/er/new", ".git/new", ".gitignore"])
def test_an_added_file_breaks_it(version: Path, keys: Keys, name: str) -> None:
    """Those that the library would leave out by default too."""
    (version / name).parent.mkdir(parents=True, exist_ok=True)
    (version / name).touch()
    assert "files were changed" in (signing.verify(version, keys.public) or "")


def test_a_link_breaks_it(version: Path, keys: Keys) -> None:
    """Where it leads may change at any time."""
    (version / "link").symlink_to(version / "model.pt")
    assert "link" in (signing.verify(version, keys.public) or "")


def test_another_key_is_told(version: Path, tmp_path: Path) -> None:
    """The files are as they were signed, by somebody else."""
    others = _write(tmp_path / "others", ec.generate_private_key(ec.SECP256R1()))
    assert signing.verify(version, others.public) == "is by another key"


def test_no_signature_is_told(version: Path, keys: Keys) -> None:
    """It is a finding where a key says that there should be one."""
    (version / "model.sig").unlink()
    assert "is not signed" in (signing.verify(version, keys.public) or "")


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_what_is_no_signature_is_told(version: Path, keys: Keys, cut: int) -> None:
    """Empty, cut short."""
    path = version / "model.sig"
    path.write_bytes(path.read_bytes()[:cut])
    assert signing.verify(version, keys.public) == "is no signature, or was changed"


def test_a_payload_that_was_edited_is_told(version: Path, keys: Keys) -> None:
    """Whose digests would fit the edited files."""
    path = version / "model.sig"
    path.write_text(
        path.read_text()
        .replace('"payload":"ew', '"payload":"ex', 1)
        .replace('"payload": "ew', '"payload": "ex', 1)
    )
    assert signing.verify(version, keys.public) == "is no signature, or was changed"


def test_no_key_is_written_into_the_version(version: Path, keys: Keys, tmp_path: Path) -> None:
    """Neither key nor where anything lies on this machine."""
    text = (version / "model.sig").read_text()
    secret = keys.private.read_text().splitlines()[1]
    assert secret not in text
    assert str(tmp_path) not in text
    assert sorted(path.name for path in version.iterdir()) == [
        "manifest.json",
        "model.pt",
        "model.sig",
    ]


def test_a_missing_key_is_found_at_once(tmp_path: Path) -> None:
    """Before the long work; it says how to make one."""
    with pytest.raises(SpecError, match="No such file") as caught:
        signing.require(tmp_path / "key.pem")
    assert caught.value.where == "repository.signing_key"
    assert "openssl" in caught.value.remedy
    with pytest.raises(SpecError) as caught:
        signing.require_public(tmp_path / "key.pub")
    assert caught.value.where == "task.public_key"


def test_what_is_no_private_key_is_refused(keys: Keys, tmp_path: Path) -> None:
    """The public one, one of RSA, one of another curve, no PEM; nothing of it is told."""
    other = _write(tmp_path / "rsa", rsa.generate_private_key(65537, 2048)).private
    curve = _write(tmp_path / "k1", ec.generate_private_key(ec.SECP256K1())).private
    text = tmp_path / "text"
    text.write_text("a secret")
    for path in (keys.public, other, curve, text):
        with pytest.raises(SpecError, match="is no private key of curve P-256") as caught:
            signing.require(path)
        assert "secret" not in str(caught.value)
    with pytest.raises(SpecError, match="is no public key"):
        signing.require_public(keys.private)
    signing.require(keys.private)
    signing.require_public(keys.public)


def test_a_key_with_a_password_is_refused(tmp_path: Path) -> None:
    """Nobody is there to be asked for it."""
    locked = _write(
        tmp_path / "locked", ec.generate_private_key(ec.SECP256R1()), password=b"secret"
    )
    with pytest.raises(SpecError, match="is encrypted"):
        signing.require(locked.private)


def test_without_the_library_the_extra_is_named(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Python says it of what is not installed."""
    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(UnavailableError) as caught:
        signing.require(keys.private)
    assert caught.value.remedy == "pip install 'packager[signing]'"


def test_the_library_is_imported_by_those_who_sign() -> None:
    """It takes most of a second."""
    code = "import sys, packager.tasks.versions; print('model_signing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
