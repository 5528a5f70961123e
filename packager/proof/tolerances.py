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

BFLOAT16_EPS = 2.0**-7
"""Between 1 and the next number; a number is rounded by half of it at most."""

BFLOAT16_TOLERANCE = 8 * BFLOAT16_EPS
"""As FLOAT32_TOLERANCE, for an artifact that computes in bfloat16, beside a module that does not.

Each layer rounds its input, its weights and its sums: sixteen roundings that err alike reach it, or
256 independent ones, as of 85 layers. It is for what is broken; classes and accuracy judge the
rest. Seen: 0.2 to 1.2 % in networks of 4 to 121 layers.
"""

BFLOAT16_REPEATED = 2 * BFLOAT16_EPS
"""The same for such an artifact beside itself: only the order of float32 sums may be another, which
rounds a number the other way here and there. Seen: 0, and 0.02 % in one network of seven.
"""
