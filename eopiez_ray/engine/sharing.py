"""Which values several tasks may share as one object: immutable ones."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import uuid
from typing import Any

import numpy as np
import pyarrow as pa

_ATOMS = frozenset(
    {
        type(None), bool, int, float, complex, str, bytes, range, decimal.Decimal, fractions.Fraction, uuid.UUID,
        datetime.datetime, datetime.date, datetime.time, datetime.timedelta, pathlib.PosixPath, pathlib.PurePosixPath,
    }
)  # fmt: skip
_IMMUTABLE = (pa.Table, pa.RecordBatch, pa.Array, pa.ChunkedArray, pa.Schema, pa.DataType, enum.Enum)
WIDEST = 1000
"""Longest tuple whose members are checked."""


def is_frozen(value: Any, *, is_loaded: bool = False) -> bool:
    """Whether the value is immutable.

    Args:
        value: any value.
        is_loaded: whether it was loaded from its stored form, so that no other object has a view of its arrays.
    """
    kind = type(value)
    if kind in _ATOMS or isinstance(value, _IMMUTABLE):
        return True
    if kind is np.ndarray:
        return is_loaded and not value.flags.writeable and value.dtype != object
    if isinstance(value, tuple) or kind is frozenset:
        is_plain = kind in {tuple, frozenset} or not hasattr(value, "__dict__")
        return is_plain and len(value) <= WIDEST and all(is_frozen(member, is_loaded=is_loaded) for member in value)
    if dataclasses.is_dataclass(kind) and getattr(kind, "__dataclass_params__").frozen:  # noqa: B009
        fields = (getattr(value, field.name) for field in dataclasses.fields(kind))
        return all(is_frozen(field, is_loaded=is_loaded) for field in fields)
    return False
