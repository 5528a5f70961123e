"""Small modules that promise what they do not keep: sizes, devices, independent rows."""

# ruff: noqa: D102 - each class says what its forward does

from __future__ import annotations

import torch
from torch import Tensor, nn


class Perhaps(nn.Module):
    """Nothing at all for a large batch."""

    def forward(self, x: Tensor) -> Tensor | None:
        return None if x.size(0) > 100 else x


class Nested(nn.Module):
    """A tuple in a tuple."""

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return x, (x, x)


class Found(nn.Module):
    """The places of large numbers: as many as there are."""

    def forward(self, x: Tensor) -> Tensor:
        return (x > 0.5).nonzero()[:, 0].float()


class Rows28(nn.Module):
    """Takes images of 28 rows and 5 columns."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.size(0), 28, 5).sum(2)


class SameLength(nn.Module):
    """Takes two sequences of any length that both have."""

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return ids * mask


class Similarity(nn.Module):
    """Compares every row with every other."""

    def forward(self, x: Tensor) -> Tensor:
        return x @ x.t()


class EightAtOnce(nn.Module):
    """Takes eight rows and no other number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(8, 4) * 2


class OnGpu(nn.Module):
    """Moves its input to a GPU by name."""

    def forward(self, x: Tensor) -> Tensor:
        return _moved(x)


def _moved(x: Tensor) -> Tensor:
    return x.to("cuda:0")


class OnNamedDevice(nn.Module):
    """Keeps the device's name as an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.device = "cuda:0"

    def forward(self, x: Tensor) -> Tensor:
        return x.to(torch.device(self.device))


class OnDevice(nn.Module):
    """Keeps the device as an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.device = torch.device("cuda:0")

    def forward(self, x: Tensor) -> Tensor:
        return x.to(self.device)


class Inside(nn.Module):
    """Has a part, and another method that forward calls."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        return self.through(x)

    def through(self, x: Tensor) -> Tensor:
        return self.part(x)  # type: ignore[no-any-return]


class Offset(nn.Module):
    """Adds what it makes on the device of its input: a trace writes that device down."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.arange(4, device=x.device)


class OffsetAnywhere(nn.Module):
    """Adds what it makes without a device, which is on the CPU."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.arange(x.size(1))


class Placed(nn.Module):
    """Adds the row's place in its batch."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.arange(x.size(0), device=x.device)[:, None]


class Centre(nn.Module):
    """Adds how far a row is from the batch's middle: the same for a batch in reverse."""

    def forward(self, x: Tensor) -> Tensor:
        place = torch.arange(x.size(0), device=x.device) * 2 - (x.size(0) - 1)
        return x + place.abs()[:, None]


class Shared(nn.Module):
    """Divides by the number of rows."""

    def forward(self, x: Tensor) -> Tensor:
        return x / x.size(0)


class BatchNormed(nn.Module):
    """Batch norm that keeps no statistics: it takes those of the batch, trained or not."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x) if x.size(0) > 1 else x


class Largest(nn.Module):
    """Divides by the batch's largest number."""

    def forward(self, x: Tensor) -> Tensor:
        return x / x.max()


class Masked(nn.Module):
    """The logarithm of a mask: infinite where it is nothing; NaN where there is no answer."""

    def forward(self, x: Tensor) -> Tensor:
        y = torch.where(x > 0.7, torch.log(x * 0), x)
        return torch.where(x < 0.1, (x * 0) / (x * 0), y)


class Softmax(nn.Module):
    """Shares one out among the rows."""

    def forward(self, x: Tensor) -> Tensor:
        return x.softmax(0)


class Noisy(nn.Module):
    """Answers otherwise each time."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


class Twins(nn.Module):
    """Takes rows in pairs, and none alone."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(2, -1, 4).reshape(-1, 4)


class Pairs(nn.Module):
    """Takes rows in pairs: an even number of them."""

    def forward(self, x: Tensor) -> Tensor:
        if x.size(0) == 1:
            return x
        return x.reshape(-1, 2, 4).flip(2).reshape(-1, 4)


class Windowed(nn.Module):
    """Makes a window where none tells the device."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, 4] to [N, 4]."""
        return x * torch.hann_window(x.size(1))


class Listed(nn.Module):
    """Makes a tensor of a list's numbers."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, 4] to [N, 4]."""
        return x + torch.tensor([1.0, 2.0, 3.0, 4.0])


class Drawn(nn.Module):
    """Draws numbers on the CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, 4] to [N, 4]."""
        return x + torch.normal(0.0, 1.0, [4])


class Followed(nn.Module):
    """Makes tensors that go where the input is."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, 4] to [N, 4]."""
        places = torch.arange(x.size(1)).to(x.device)
        return x + places + torch.zeros_like(x) + x.new_zeros(4) + torch.tensor(2.0)


class WiderByValue(nn.Module):
    """Four columns for nothing but zeros, five for anything else."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x[:, :1]], 1) if bool((x != 0).any()) else x


class DoubleByValue(nn.Module):
    """Double precision for anything but zeros."""

    def forward(self, x: Tensor) -> Tensor:
        return x.double() if bool((x != 0).any()) else x


class WiderWhenLarge(nn.Module):
    """A column more for numbers that are not generated."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x[:, :1]], 1) if bool((x > 1).any()) else x


class Detector(nn.Module):
    """Boxes and scores of one sample, as many as there are."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        places = (x > 0.5).nonzero()[:, 0]
        return torch.stack([places, places + 1], 1).float(), x[places]


class ManyIntegers(nn.Module):
    """Two thousand integers of a row, and first the row's place in its batch."""

    def forward(self, x: Tensor) -> Tensor:
        row = (x[:, :1] * torch.arange(2000)).long()
        return torch.cat([torch.arange(x.size(0))[:, None], row], 1)


class CentredAt(nn.Module):
    """Subtracts the batch's mean, in batches from one size to another."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__()
        self.least, self.most = least, most

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0) if self.least <= x.size(0) <= self.most else x


class FailsAtSeven(nn.Module):
    """Takes any batch but that of seven."""

    def forward(self, x: Tensor) -> Tensor:
        if x.size(0) == 7:
            raise RuntimeError("seven")
        return x


class Lengths(nn.Module):
    """Takes lengths of one and more."""

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        if bool((length < 1).any()):
            raise RuntimeError("no length")
        return x / length


class NotEmpty(nn.Module):
    """Takes no mask that is nothing in all its rows."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        if not bool(mask.any()):
            raise RuntimeError("empty mask")
        return x * mask


class Table(nn.Module):
    """Ten rows, asked by index."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.table(x.long()).sum(1)  # type: ignore[no-any-return]


class AtMost64(nn.Module):
    """Takes sequences of up to 64."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Embedding(64, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.places(torch.arange(x.size(1)))[:, 0]  # type: ignore[no-any-return]


class Counting(nn.Module):
    """Keeps from call to call how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same."""
        self.calls.add_(1)
        return x + self.calls
