"""How far answers may be from those expected; without torch, for who asks a server alone."""

from __future__ import annotations

FLOAT32_TOLERANCE = 1e-4
"""Largest allowed absolute error as a part of the largest absolute answer."""

TOP1_AGREEMENT = 0.999
"""Least part of the images that must keep their class: near ties may fall either way.

And of the integers in an output of integers, in all and in each column.
"""

ACCURACY_LOSS = 0.001
"""How much of its accuracy, in [0, 1], a model may lose."""
