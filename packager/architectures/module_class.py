"""The user's own `nn.Module`, imported from a package that the configuration trusts."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from packager.architectures.telling import first_line, with_place
from packager.errors import SpecError

if TYPE_CHECKING:
    from types import ModuleType

    from packager.spec.architecture import ModuleClassSpec

KEY = "architecture.module_class"


def build_module_class(spec: ModuleClassSpec, *, sample_shape: tuple[int, ...] | None) -> nn.Module:
    """Import the class and make it with the arguments given.

    Lazy layers are given their sizes by one sample of `sample_shape`, where it is known. That
    the package is trusted was checked when the spec was made.

    Raises:
        SpecError: no such module or class, no nn.Module, or the user's code fails.
    """
    kind = _class(_imported(spec), spec)
    _require_arguments(kind, spec)
    try:
        module: nn.Module = kind(**spec.arguments)
    except (Exception, SystemExit) as error:
        raise SpecError(
            f"{spec.class_name} cannot be made: {with_place(error)}",
            where=KEY,
            remedy="correct the class or architecture.arguments; debug=true shows the traceback",
        ) from error
    _settle_lazy_layers(module, sample_shape)
    return module


def _imported(spec: ModuleClassSpec) -> ModuleType:
    _see_working_directory()
    try:
        return importlib.import_module(spec.module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{spec.module}.".startswith(f"{error.name}."):
            raise SpecError(
                f"importing {spec.module} fails: {with_place(error)}",
                where=KEY,
                remedy=f"install {error.name or 'what it needs'} beside packager",
            ) from error
        raise SpecError(
            f"there is no module {error.name}",
            where=KEY,
            remedy="install its package, run in the directory it lies in, or add that directory"
            " to PYTHONPATH",
        ) from error
    except (Exception, SystemExit) as error:
        raise SpecError(
            f"importing {spec.module} fails: {with_place(error)}",
            where=KEY,
            remedy="correct the module; debug=true shows the traceback",
        ) from error


def _see_working_directory() -> None:
    """Let the console script import from the working directory, as `python -m packager` does.

    It comes last, so that nothing there takes the place of an installed package; with `python -P`
    or PYTHONSAFEPATH it stays out. It stays in: users' code may import when it runs.
    """
    here = os.getcwd()  # noqa: PTH109  sys.path holds strings
    if not sys.flags.safe_path and not {here, ""} & set(sys.path):
        sys.path.append(here)
        importlib.invalidate_caches()


def _class(module: ModuleType, spec: ModuleClassSpec) -> type[nn.Module]:
    kind = getattr(module, spec.class_name, None)
    if inspect.isclass(kind) and issubclass(kind, nn.Module):
        return kind
    if kind is not None:
        raise SpecError(
            f"{spec.path} is no class derived from torch.nn.Module",
            where=KEY,
            remedy="name such a class; a function that makes one can be wrapped in it",
        )
    there = sorted(
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, nn.Module)
    )
    close = difflib.get_close_matches(spec.class_name, there, n=3) or there
    raise SpecError(
        f"there is no class {spec.class_name} in {module.__file__ or spec.module}",
        where=KEY,
        remedy=f"write {' or '.join(f'{spec.module}:{name}' for name in close)}"
        if close
        else "name a class derived from torch.nn.Module",
    )


def _require_arguments(kind: type[nn.Module], spec: ModuleClassSpec) -> None:
    """Check that the constructor takes the arguments, before it runs."""
    try:
        signature = inspect.signature(kind)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**spec.arguments)
    except TypeError as error:
        raise SpecError(
            f"{spec.class_name} does not take them: {first_line(error)}",
            where="architecture.arguments",
            remedy=f"its arguments are {signature.replace(return_annotation=signature.empty)}",
        ) from error


def _settle_lazy_layers(module: nn.Module, sample_shape: tuple[int, ...] | None) -> None:
    """Run one sample through lazy layers, which draw their weights when they see their input."""
    if not any(map(is_lazy, (*module.parameters(), *module.buffers()))):
        return
    if sample_shape is None or -1 in sample_shape:
        raise SpecError(
            "has lazy layers, and no one input of fixed dims tells their sizes",
            where=KEY,
            remedy="give the layers their sizes (Linear, not LazyLinear)",
        )
    modes = {part: part.training for part in module.modules()}
    try:
        with torch.no_grad():
            module.eval()(torch.zeros(2, *sample_shape))
    except Exception as error:
        raise SpecError(
            f"does not take a sample of shape {list(sample_shape)}: {with_place(error)}",
            where=KEY,
            remedy="correct the class, or the dims of the input",
        ) from error
    for part, training in modes.items():
        part.training = training
