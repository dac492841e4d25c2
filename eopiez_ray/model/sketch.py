"""Quantile sketches: counts in logarithmic buckets, which add up over time, processes and groups.

DDSketch: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
guarantees", PVLDB 12 (2019), section 2.1. A value ``x`` is counted in bucket ``ceil(log_GAMMA(x))``, and a quantile is
estimated as the middle of its bucket, which is off by ``ACCURACY`` of the value at most. Merging adds counts, and costs
no accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

ACCURACY = 0.01
"""Largest relative error of a quantile."""
GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
LOG_GAMMA = math.log(GAMMA)
SMALLEST, LARGEST = 1e-9, 1e15
"""Smaller values count as 0, larger ones as this."""
ZERO = -32_768
"""The bucket of values that count as 0."""
SUM = 32_767
"""The place where the sum of all values is kept, beside the buckets."""


def bucket_of(value: float) -> int:
    """The bucket in which a value is counted. What is no number, or below 0, counts as 0."""
    if not value > SMALLEST:
        return ZERO
    return math.ceil(math.log(min(value, LARGEST)) / LOG_GAMMA)


def value_of(bucket: int) -> float:
    """The value that stands for a bucket: off by ``ACCURACY`` at most from any in it."""
    return 0.0 if bucket == ZERO else 2 * GAMMA**bucket / (GAMMA + 1)


def count_of(sketch: Mapping[int, float]) -> float:
    """How many values a sketch has counted."""
    return sum(count for bucket, count in sketch.items() if bucket != SUM)


def quantile(sketch: Mapping[int, float], q: float) -> float | None:
    """The value below which a share ``q`` (0 to 1) of the values is; None of an empty sketch."""
    rank, passed = q * (count_of(sketch) - 1), 0.0
    for bucket in sorted(bucket for bucket in sketch if bucket != SUM):
        passed += sketch[bucket]
        if passed > rank:
            return value_of(bucket)
    return None


def count_within(sketch: Mapping[int, float], bound: float) -> float:
    """How many values were at most ``bound``, as far as buckets tell."""
    highest = bucket_of(bound)
    return sum(count for bucket, count in sketch.items() if bucket <= highest and bucket != SUM)
