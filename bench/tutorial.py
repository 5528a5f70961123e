"""The tutorial's training, written from its description: what most people start from.

Each image goes through a torchvision Dataset, ToTensor and a DataLoader; SGD at 1e-4, batches of
256, evaluation on the test set after every epoch. Prints one JSON object a line: an epoch's.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import time
from pathlib import Path

STARTED = time.monotonic()

import torch  # noqa: E402  importing is a part of what is timed
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402
from torchvision import datasets, transforms  # noqa: E402

FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def unpack(source: Path, root: Path) -> None:
    """Lay Fashion-MNIST's files out as torchvision keeps them."""
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        file = raw / f"{name}-ubyte"
        if not file.exists():
            with gzip.open(source / f"{name}-ubyte.gz") as packed, file.open("wb") as plain:
                shutil.copyfileobj(packed, plain)


def network() -> nn.Sequential:
    """Return the tutorial's network for Fashion-MNIST."""
    return nn.Sequential(
        nn.Conv2d(1, 25, 3),
        nn.BatchNorm2d(25),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(25, 50, 3),
        nn.BatchNorm2d(50),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1250, 1024),
        nn.ReLU(),
        nn.Linear(1024, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def accuracy(model: nn.Module, loader: DataLoader[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """Return the part of images that are recognised."""
    model.eval()
    right = total = 0
    with torch.no_grad():
        for images, labels in loader:
            right += int((model(images).argmax(1) == labels).sum())
            total += len(labels)
    return right / total


def main() -> None:
    """Train, and print every epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder of the four .gz files")
    parser.add_argument("root", type=Path, help="where torchvision's copy is kept")
    parser.add_argument("--epochs", type=int, default=60)
    arguments = parser.parse_args()
    unpack(arguments.source, arguments.root)
    to_tensor = transforms.ToTensor()
    train = datasets.FashionMNIST(arguments.root, train=True, transform=to_tensor)
    test = datasets.FashionMNIST(arguments.root, train=False, transform=to_tensor)
    train_loader = DataLoader(train, batch_size=256, shuffle=True)
    test_loader = DataLoader(test, batch_size=256)
    model = network()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)
    for epoch in range(1, arguments.epochs + 1):
        started = time.monotonic()
        model.train()
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
        trained = time.monotonic()
        record = {
            "epoch": epoch,
            "train_seconds": trained - started,
            "accuracy": accuracy(model, test_loader),
            "epoch_seconds": time.monotonic() - started,
            "seconds": time.monotonic() - STARTED,
        }
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
