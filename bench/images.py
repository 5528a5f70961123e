"""Image files a second: what `task=images` writes, and what this machine can make at all.

    python bench/images.py [--json FILE] [--folder DIR ...] [--cores N]

The whole of Fashion-MNIST, 70,000 images, into new folders below each DIR: by default one on this
disk and one in memory. Beside it, in the same run: two processes that do nothing but make files of
the same size, under their own name and by a temporary one; and what one image costs to encode.
Processor time is given too: it says what two cores could do that nobody else uses. Nothing is
removed before the end, for ext4 searches past inodes that were just freed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from packager import user_cache  # noqa: E402
from packager.datasets.fetch import fetch  # noqa: E402
from packager.datasets.image_encoding import PNG_LEVEL, Png  # noqa: E402
from packager.datasets.image_layout import choose  # noqa: E402
from packager.datasets.image_writing import make_folder, write_images  # noqa: E402
from packager.datasets.load import load  # noqa: E402
from packager.spec.job import ImageFormat, ImagesTask, Layout  # noqa: E402
from tests.datasets.specs import DEBIAN, TORCHVISION, dataset  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.datasets.load import Dataset

BARE = 70_000
FILE_BYTES = 524
"""What an image of Fashion-MNIST takes as PNG."""
ENCODED = 10_000
MEMORY = Path("/dev/shm")  # noqa: S108  where Linux keeps files in memory
TASKS = {
    "png": ImagesTask(),
    "png_folders": ImagesTask(layout=Layout.folders),
    "jpg": ImagesTask(format=ImageFormat.jpg),
}


def bare(folder: str, numbers: range, *, rename: bool) -> float:
    """Make files of nothing; return the seconds of processor time."""
    started, content = time.process_time(), b"x" * FILE_BYTES
    for number in numbers:
        path = f"{folder}/ankle_boot_{number}.png"
        name = f"{path}~" if rename else path
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(descriptor, content)
        os.close(descriptor)
        if rename:
            os.rename(name, path)  # noqa: PTH104
    return time.process_time() - started


def machine(place: Path, workers: int, *, rename: bool) -> tuple[float, float]:
    """Return what processes can do that only make files: files a second, and CPU us a file."""
    folder = place / f"bare-{rename}"
    folder.mkdir()
    parts = [range(start, BARE, workers) for start in range(workers)]
    with get_context("spawn").Pool(workers) as pool:
        pool.map(abs, range(workers), 1)  # all have started
        started = time.perf_counter()
        jobs = [pool.apply_async(bare, (str(folder), part), {"rename": rename}) for part in parts]
        used = sum(job.get() for job in jobs)
        return BARE / (time.perf_counter() - started), used / BARE * 1e6


def ours(place: Path, data: Dataset, name: str, workers: int) -> tuple[float, float]:
    """Write all images; return images a second, and CPU us an image."""
    task = TASKS[name.removesuffix("_again")]
    chosen = choose(data, "fashion_mnist", task).values()
    folder = place / name.removesuffix("_again")
    make_folder(folder)
    used, count = time.process_time(), sum(len(one.paths) for one in chosen)
    written = write_images(chosen, folder, form=task.format, workers=workers)
    expected = (0, count) if name.endswith("_again") else (count, 0)
    if (written.written, written.there) != expected:
        sys.exit(f"{name}: {written}")
    return count / written.seconds, (time.process_time() - used) / count * 1e6


def encoders(data: Dataset) -> dict[str, float]:
    """Return CPU us that one image takes to encode, without writing it."""
    images = data.train.images[:ENCODED].numpy()
    png = Png((1, 28, 28))

    def pillow(form: str, **options: int) -> None:
        for image in images:
            Image.fromarray(image[0]).save(io.BytesIO(), form, **options)

    def own() -> None:
        for lines in png.prepared(images):
            png.encode(lines)

    works: dict[str, Callable[[], None]] = {
        "encode_png": own,
        "encode_png_pillow": lambda: pillow("PNG", compress_level=PNG_LEVEL),
        "encode_jpg_pillow": lambda: pillow("JPEG", quality=95),
    }
    return {f"{name}_cpu_us": cpu_us(work) for name, work in works.items()}


def cpu_us(work: Callable[[], None]) -> float:
    """Return microseconds of processor time an image."""
    started = time.process_time()
    work()
    return (time.process_time() - started) / ENCODED * 1e6


def command(place: Path) -> float:
    """Return the seconds of the whole command, from start to end."""
    arguments = ("dataset=fashion_mnist", "task=images", f"task.to={place}/command")
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "packager", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - started


def measure(place: Path, data: Dataset, workers: int) -> dict[str, float]:
    """Return all figures of one filesystem."""
    figures: dict[str, float] = {}
    for name, rename in (("machine", False), ("machine_rename", True)):
        figures[f"{name}_files_per_second"], figures[f"{name}_cpu_us"] = machine(
            place, workers, rename=rename
        )
    for name in (*TASKS, "png_again", "jpg_again"):
        figures[f"{name}_images_per_second"], figures[f"{name}_cpu_us"] = ours(
            place, data, name, workers
        )
    figures["png_fraction_of_machine"] = (
        figures["png_images_per_second"] / figures["machine_files_per_second"]
    )
    figures["command_seconds"] = command(place)
    return figures


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--folder", type=Path, nargs="+", help="write below these folders")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[: arguments.cores]
    os.sched_setaffinity(0, cores)
    spec = dataset(DEBIAN, TORCHVISION, name="fashion_mnist")
    data = load(spec, fetch(spec, cache=user_cache.root() / "data"))
    folders = arguments.folder or [*([MEMORY] if MEMORY.is_dir() else []), Path()]
    figures = encoders(data) | {"cores": float(len(cores)), "load": os.getloadavg()[0]}
    with contextlib.ExitStack() as stack:
        for number, folder in enumerate(folders):
            kind = (
                f"folder{number}" if arguments.folder else "memory" if folder == MEMORY else "disk"
            )
            place = tempfile.TemporaryDirectory(prefix="packager-bench-", dir=folder)
            found = measure(Path(stack.enter_context(place)).absolute(), data, len(cores))
            figures |= {f"{kind}_{key}": value for key, value in found.items()}
        for key, value in figures.items():
            print(f"{key:40} {value:12,.4g}", flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
        print("removing the files, which takes a disk minutes ...", flush=True)


if __name__ == "__main__":
    main()
