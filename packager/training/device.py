"""The machine that trains: its device, its threads, and the number type that is quick on it."""

from __future__ import annotations

import os
import shutil

import torch

from packager.errors import UnavailableError
from packager.spec.training import Device, Precision


def prepare(*, seed: int, threads: int | None) -> None:
    """Set the seed and the number of threads; call before a module's weights are drawn.

    `threads` None is the cores that this process may use, shared by the ranks on this host.
    """
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True
    ranks = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    torch.set_num_threads(threads or max(1, len(os.sched_getaffinity(0)) // ranks))


def torch_device(device: Device) -> torch.device:
    """Return torch's device; `auto` is the GPU where there is one, this rank's own.

    Raises:
        UnavailableError: a GPU is asked for and there is none.
    """
    has_gpu = torch.cuda.is_available()
    if device is Device.cuda and not has_gpu:
        raise UnavailableError(
            "torch finds no CUDA device", where="trainer.device", remedy="set trainer.device=cpu"
        )
    if not has_gpu or device is Device.cpu:
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def require_compiler(device: torch.device) -> None:
    """Check that torch.compile finds the C++ compiler that it needs on a CPU.

    Raises:
        UnavailableError: it does not.
    """
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++", "c++"]
    if device.type == "cpu" and not any(map(shutil.which, names)):
        raise UnavailableError(
            f"torch.compile needs a C++ compiler, and there is no {' or '.join(names)}",
            where="trainer.compile",
            remedy="install one, or set trainer.compile=false",
        )


def uses_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Return whether to compute in bfloat16; `auto` goes by the processor, never by the clock.

    So the same machine always trains the same weights.
    """
    if precision is not Precision.auto:
        return precision is Precision.bfloat16
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))
