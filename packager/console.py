"""Everything that is printed: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from typing import TYPE_CHECKING, TextIO, cast

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from packager.errors import EXIT_BROKEN_PIPE
from packager.proof.result import Verdict
from packager.repository.layout import CONFIGS_FOLDER, WARMUP_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from packager.proof.result import Proof
    from packager.recipes import Listed
    from packager.server.running import Endpoints


LINE_SECONDS = 30
"""How long work may be silent where there is no terminal to draw a bar on."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """End as programs do whose reader has gone; rich's own status means failed jobs here."""
        with contextlib.suppress(SystemExit):
            super().on_broken_pipe()
        raise SystemExit(EXIT_BROKEN_PIPE)


out = _Console(highlight=False, soft_wrap=True)
err = _Console(stderr=True, highlight=False, soft_wrap=True)


def silence() -> None:
    """Print nothing from here on: another process does, of the same work."""
    out.quiet = err.quiet = True


def speak() -> None:
    """Print again."""
    out.quiet = err.quiet = False


def log() -> None:
    """Print what is logged as a warning or worse."""
    import logging  # noqa: PLC0415  `--help` and the list of recipes need neither

    from rich.logging import RichHandler  # noqa: PLC0415

    handler = RichHandler(console=err, show_time=False, show_path=False)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])


class _Named(io.TextIOBase):
    """A stream whose every line begins with a name; what was written at once stays together."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream, self._name, self._at_start = stream, name, True

    def write(self, text: str) -> int:
        if text:
            named = text[:-1].replace("\n", f"\n{self._name}") + text[-1]
            self._stream.write(f"{self._name}{named}" if self._at_start else named)
            self._at_start = text.endswith("\n")
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def name_lines(name: str) -> None:
    """Begin every line with a name from here on: other processes print on the same terminal.

    Neither colours nor anything that moves, as in a file.
    """
    out.file = cast("TextIO", _Named(sys.stdout, name))
    err.file = cast("TextIO", _Named(sys.stderr, name))


@contextlib.contextmanager
def stage(name: str) -> Iterator[list[str]]:
    """Print a stage's line when it is done: its name, what it reports in the list, its seconds."""
    findings: list[str] = []
    started = time.perf_counter()
    with err.status(f"{name} ..."):
        yield findings
    seconds = time.perf_counter() - started
    err.print(f"[bold]{name:>8}[/]  {'; '.join(findings)} [dim]({seconds:.1f} s)[/]")


def reused(name: str, finding: str) -> None:
    """Print a stage's line that did not run: what it gave before stands."""
    err.print(f"[bold]{name:>8}[/]  {finding} [dim](reused)[/]")


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function of (done, total): a bar on a terminal, a line now and then elsewhere."""
    # Imported here: most commands count nothing.
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn(f"   {escape(what)}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    task = bar.add_task(what, total=None)
    told_at = time.monotonic()

    def count(done: int, total: int) -> None:
        nonlocal told_at
        bar.update(task, completed=done, total=total)
        if not err.is_terminal and time.monotonic() - told_at >= LINE_SECONDS:
            told_at = time.monotonic()
            err.print(f"          {escape(what)} {done:,} of {total:,}")

    with bar:
        yield count


def proofs_table(proofs: Sequence[Proof]) -> Table:
    """Return the table of proofs, one a row."""
    table = Table(title="Proofs", title_justify="left")
    table.add_column("proof", style="bold")
    table.add_column("verdict")
    table.add_column("finding", overflow="fold")
    for proof in proofs:
        colour = "green" if proof.verdict is Verdict.passed else "yellow"
        verdict = f"[{colour}]{proof.verdict.value}[/]"
        finding = f"{proof.finding}\n{proof.timing}" if proof.timing else proof.finding
        table.add_row(proof.name, verdict, finding)
    return table


def model_tree(model: Path, version: int, *, title: str) -> Tree:
    """Return the published files of a model: those it shares, and the new version's."""
    tree = Tree(f"[bold]{escape(title)}[/]")
    for path in sorted(model.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        if path.is_file():
            tree.add(f"{path.name} [dim]{path.stat().st_size:,} bytes[/]")
        elif path.name in (str(version), CONFIGS_FOLDER, WARMUP_FOLDER):
            branch = tree.add(f"[bold]{path.name}[/]")
            for file in sorted(one for one in path.rglob("*") if one.is_file()):
                name = file.relative_to(path).as_posix()
                branch.add(f"{name} [dim]{file.stat().st_size:,} bytes[/]")
        else:
            tree.add(path.name)
    return tree


def endpoints_table(endpoints: Endpoints) -> Table:
    """Return where a server listens."""
    table = Table(title="Endpoints", title_justify="left")
    table.add_column("protocol", style="bold")
    table.add_column("address")
    table.add_row("HTTP", f"http://{endpoints.http}")
    if endpoints.grpc:
        table.add_row("gRPC", endpoints.grpc)
    if endpoints.metrics:
        table.add_row("metrics", f"http://{endpoints.metrics}/metrics")
    return table


def models_table(rows: Sequence[tuple[str, str, str]]) -> Table:
    """Return models by name, version and state."""
    table = Table(title="Models", title_justify="left")
    table.add_column("model", style="bold")
    table.add_column("version")
    table.add_column("state", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def recipes_table(recipes: Sequence[Listed]) -> Table:
    """Return the recipes, a line on each."""
    table = Table(
        title="Recipes: python -m packager model=NAME",
        caption="python -m packager --help tells the rest",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("name", style="bold")
    table.add_column("what it is", overflow="fold")
    for recipe in recipes:
        table.add_row(recipe.name, recipe.description)
    return table


def version_line(line: str, *, test_accuracy: float | None, subset: bool) -> str:
    """Return what a build ends with: a sentence about a version, and its accuracy."""
    if test_accuracy is None:
        return line
    part = " [bold yellow]on a SUBSET of the dataset[/]" if subset else ""
    return f"{line}: test accuracy {test_accuracy:.2%}{part}"


def print_error(message: str) -> None:
    """Print one paragraph on stderr."""
    err.print(f"[bold red]error:[/] {escape(message)}")


def warn_subset(dataset: str) -> None:
    """Say loudly that a model does not learn from the whole dataset."""
    err.print(
        f"[bold yellow]SUBSET:[/] only a part of {dataset} is used; accuracies are of that part."
        " dataset.allow_subset=false refuses this."
    )
