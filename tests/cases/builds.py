"""Run builds one after the other in this process: `python builds.py FOLDER...`.

Prints a JSON line for each: its folder, exit status, standard error, and what it published. One
process for many, because importing torch takes longer than most of them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import yaml

from packager.__main__ import _run


def run(folder: Path) -> dict[str, object]:
    """Build what the case in `folder` asks for, in a directory of its own."""
    expected = yaml.safe_load((folder / "expected.yaml").read_text())
    arguments = ["--config-dir", str(folder), *expected["arguments"]]
    arguments = [str(one).replace("{case}", str(folder)) for one in arguments]
    err, out = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        sys.path.insert(0, str(folder))
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = _run(arguments)
        finally:
            sys.path.remove(str(folder))
        published = sorted(str(path) for path in Path("model_repository").rglob("*"))
        os.chdir("/")
    told = {"case": folder.name, "status": status, "err": err.getvalue(), "out": out.getvalue()}
    return {**told, "published": published}


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        sys.__stdout__.write(json.dumps(run(Path(argument))) + "\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]
