"""The source files of a stage: all that its modules import, and no others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from packager.cache.fingerprints import Fingerprints
from packager.cache.sources import closure, files_of, imports

ROOT = Path(__file__).parents[2]


@pytest.fixture
def index(tmp_path: Path) -> Fingerprints:
    """Return an index that knows nothing yet."""
    return Fingerprints(tmp_path / "index")


def _package(folder: Path, files: dict[str, str]) -> Path:
    """Write modules by their paths, and `__init__.py` into each folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in path.relative_to(folder).parents[:-1]:
            (folder / parent / "__init__.py").touch()
        path.write_text(text)
    return folder


def test_every_way_to_import_is_seen() -> None:
    """At the top, in functions and branches, relative, as another name; not for types only."""
    source = b"""
import a, b.c as d
from e import f as g, h
from . import i
from ..j.k import l
if TYPE_CHECKING:
    import not_this
else:
    import m
if typing.TYPE_CHECKING:
    from not_that import x
def function():
    try:
        import n
    except ImportError:
        from o import *
"""
    expected = [".:i", "..j.k:l", "a", "b.c", "e:f", "e:h", "m", "n", "o:*"]
    assert imports(source) == sorted(expected)


@pytest.mark.parametrize("source", [b"import a\nif:", b"import a\0", b"\xff\xfe", b"(" * 5000])
def test_a_source_that_cannot_be_parsed_imports_nothing(source: bytes) -> None:
    """Whoever imports it will be told."""
    assert imports(source) == []


def test_the_closure_holds_what_is_imported_by_what_is_imported(
    tmp_path: Path, index: Fingerprints
) -> None:
    """Submodules, packages on the way, relative imports, circles; nothing else."""
    _package(
        tmp_path,
        {
            "ours/entry.py": "import os\nfrom ours.deep import module, CONSTANT",
            "ours/deep/module.py": "from . import sibling\nfrom ..other import name",
            "ours/deep/sibling.py": "from ours import entry",
            "ours/other/name.py": "import foreign",
            "ours/unused.py": "import ours.entry",
            "foreign.py": "",
        },
    )
    (tmp_path / "ours/other/__init__.py").write_text("import ours.by_init")
    (tmp_path / "ours/by_init.py").touch()
    found = closure(["ours.entry"], search=[tmp_path], within=["ours"], fingerprints=index)
    assert sorted(found) == [
        "ours/__init__.py",
        "ours/by_init.py",
        "ours/deep/__init__.py",
        "ours/deep/module.py",
        "ours/deep/sibling.py",
        "ours/entry.py",
        "ours/other/__init__.py",
        "ours/other/name.py",
    ]


def test_a_star_may_load_every_submodule(tmp_path: Path, index: Fingerprints) -> None:
    """`__all__` could name any of them."""
    _package(tmp_path, {"a/b/c.py": "", "a/b/d.py": "", "a/e.py": "from a.b import *"})
    found = closure(["a.e"], search=[tmp_path], within=["a"], fingerprints=index)
    assert {"a/b/c.py", "a/b/d.py"} <= set(found)


def test_a_users_module_is_found_where_python_would(tmp_path: Path, index: Fingerprints) -> None:
    """In the first folder that has it; a single file, or folders without `__init__.py`, too."""
    first, second = _package(tmp_path / "1", {"net.py": ""}), tmp_path / "2"
    _package(second, {"net.py": "import parts.layer"})
    (second / "parts").mkdir()
    (second / "parts" / "layer.py").touch()

    def found() -> dict[str, Path]:
        search = [tmp_path / "none", first, second]
        return closure(["net"], search=search, within=["net", "parts"], fingerprints=index)

    assert found() == {"net.py": first / "net.py"}
    (first / "net.py").unlink()
    assert sorted(found()) == ["net.py", "parts/layer.py"]


def test_a_root_that_is_not_there_is_an_error(index: Fingerprints) -> None:
    """A stage with a misspelt module would never see a change."""
    with pytest.raises(ModuleNotFoundError, match=r"packager\.training\.fitt"):
        files_of(["packager.training.fitt"], fingerprints=index)


def test_a_change_is_seen_in_the_closure_only(tmp_path: Path, index: Fingerprints) -> None:
    """Of a comment too; another stage's file changes nothing; a new import adds its file."""
    _package(tmp_path, {"p/a.py": "import p.b", "p/b.py": "", "p/c.py": ""})

    def digests() -> dict[str, str]:
        found = closure(["p.a"], search=[tmp_path], within=["p"], fingerprints=index)
        return {name: index.sha256(path) for name, path in found.items()}

    before = digests()
    (tmp_path / "p/c.py").write_text("changed = 1")
    assert digests() == before
    (tmp_path / "p/b.py").write_text("# a comment")
    assert {name for name, digest in digests().items() if before[name] != digest} == {"p/b.py"}
    (tmp_path / "p/b.py").write_text("import p.c")
    assert set(digests()) == {*before, "p/c.py"}


def test_files_that_are_no_modules_are_added_by_name(tmp_path: Path, index: Fingerprints) -> None:
    """Without the bytecode that Python leaves beside sources."""
    backends = ROOT / "packager" / "server" / "backends"
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "template.j2").touch()
    (tmp_path / "one" / "__pycache__").mkdir()
    (tmp_path / "one" / "__pycache__" / "x.pyc").touch()
    found = files_of(
        ["packager.errors"],
        fingerprints=index,
        extra={"templates": tmp_path / "one", "model": backends / "pytorch" / "model.py"},
    )
    assert list(found) == [
        "model",
        "packager/__init__.py",
        "packager/errors.py",
        "templates/template.j2",
    ]
    assert {len(digest) for digest in found.values()} == {16}


@pytest.mark.parametrize(
    "module",
    [
        "packager.model_config.render",
        "packager.proof.rules",
        "packager.repository.publish",
        "packager.tasks.plan",
        "packager.datasets.load",
    ],
)
def test_nothing_that_an_import_loads_is_missed(module: str, index: Fingerprints) -> None:
    """Python itself imports the module, in a process of its own."""
    script = (
        f"import json, sys, {module}\n"
        "names = [n for n in sys.modules if n.split('.')[0] == 'packager']\n"
        "print(json.dumps([sys.modules[name].__file__ for name in names]))"
    )
    output = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    loaded = {str(Path(file).relative_to(ROOT)) for file in json.loads(output)}
    assert loaded
    assert loaded <= set(files_of([module], fingerprints=index))


def test_looking_at_sources_loads_neither_them_nor_torch() -> None:
    """And takes no locks: an unchanged build only asks."""
    script = (
        "import sys; from pathlib import Path\n"
        "from packager.cache import fingerprints, sources, store\n"
        "index = fingerprints.Fingerprints(Path('none'), frozen=True)\n"
        "sources.files_of(['packager.training.fit'], fingerprints=index)\n"
        "print(sorted({'torch', 'hydra', 'filelock', 'packager.training'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    assert output == "[]\n"
