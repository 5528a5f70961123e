"""What `--help` prints."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from packager.resources import folder
from packager.sweep import launchers

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUPS = (
    "model",
    "dataset",
    "architecture",
    "trainer",
    "export",
    "serving",
    "serving/instance_group",
    "serving/hosts",
    "server",
    "task",
    "hydra/launcher",
    "hydra/sweeper",
    "hydra/sweeper/sampler",
)

EXTRAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "hydra/launcher": tuple(launchers.EXTRAS),
        "hydra/sweeper/sampler": ("cmaes", "grid", "motpe", "nsgaii", "random", "tpe"),
    }
)
"""Choices that come with extras, beside a group's own files."""


def choices(group: str) -> list[str]:
    """Return the names of a group's files, and those that extras bring."""
    files = (path.stem for path in (folder("conf") / group).glob("*.yaml"))
    return sorted({*files, *EXTRAS.get(group, ())})


def text() -> str:
    """Return the help, with the choices that `conf/` really holds."""
    width = max(map(len, GROUPS))
    groups = "\n".join(f"  {group:{width}}  " + " | ".join(choices(group)) for group in GROUPS)
    return HELP.replace("{groups}", groups)


HELP = """\
packager turns one YAML recipe into a proven model on NVIDIA's Triton Inference Server.

usage: python -m packager [OPTIONS] [KEY=VALUE ...]

  python -m packager                                list the recipes
  python -m packager model=fashion_cnn              train, export, render, prove, publish
  python -m packager model=fashion_cnn task=plan    say what a build would do and why; write nothing
  python -m packager task=versions                  list what is published; task.action=promote,
                                                    rollback, prune, verify, pull do more
  python -m packager task=serve                     run Triton on the repository until Ctrl-C;
                                                    task.print=true prints the docker command
  python -m packager model=fashion_cnn task=evaluate
                                                    accuracy and latency of the served model
  python -m packager task=profile task.p99_ms=20    its throughput within a latency budget
  python -m packager task=predict task.images=[a.png,photos]
                                                    classify pictures through the served model
  python -m packager dataset=mnist task=images      write a dataset out as image files
  python -m packager task=validate task.path=DIR    check any Triton model repository
  python -m packager -m model=fashion_cnn,mnist_cnn serving.instance_group.count=1,2
                                                    build every combination; a table compares them
  python -m packager -m model=fashion_cnn hydra/sweeper=optuna 'trainer.lr=interval(1e-4,1e-1)'
                                                    let Optuna choose the values of each job
  python -m packager task=leaderboard task.sweep=multirun/DATE/TIME
                                                    that table again, also of a killed sweep

groups (KEY=CHOICE picks one whole file):
{groups}

values often set:
  name=my_model                     the model's name in the repository
  trainer.epochs=3 trainer.lr=1e-3 trainer.batch_size=128 trainer.seed=0
  trainer.device=auto|cpu|cuda      trainer.threads=2
  dataset.path=DIR                  take the data files from a local folder
  dataset.max_train_samples=1000    learn from a part only (the model says so)
  serving.max_batch_size=64         serving.instance_group.count=2
  repository.path=DIR               the model repository (default: model_repository), or
                                    s3://BUCKET/PREFIX
  task.force=[train]                run a stage though nothing changed; [all] runs every one
  sweep.by=accuracy                 with -m: the figure that jobs are compared by, or several:
                                    sweep.by=[accuracy,p99_ms]
  sweep.promote=best                with -m: publish only the best job's model
  sweep.resume=multirun/DATE/TIME   with -m: run again what is not done of an earlier sweep
  allow_breaking=true               publish though clients of the version before would break
  server.url=HOST:PORT              with server=external
  server.http_port=8000             a fixed port (default: a free one)
  debug=true                        tracebacks

options:
  -m, --multirun      sweep: run every combination of comma-separated values
  --config-dir DIR    your own recipes and groups, in DIR/model, DIR/dataset, ...
  --cfg job           print the composed configuration and stop
  --info              print how it was composed
  -h, --help          this text

exit status: 0 done, 1 findings, or some jobs of a sweep failed, 2 the configuration is wrong,
3 a proof failed, 4 the environment lacks something, 70 a fault of packager, 130 interrupted,
143 terminated.
"""
