"""Results as JSON, although they are stored as pickles that a caller's own code has made.

A pickle can run anything when it is loaded. Here it is loaded by an unpickler that knows plain data alone: numbers,
text, containers, times, arrays of numbers; of anything else it names the type. No class that it knows can make much out
of little, and what is shown is bounded.
"""

from __future__ import annotations

import base64
import io
import math
import pickle
import re
from collections.abc import Mapping, Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from http import HTTPStatus
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pyarrow as pa

from ..authoring.encoding import unframed
from .problems import Problem

if TYPE_CHECKING:
    from ..model.tasks import Output

MOST_BYTES = 16 * 2**20
"""Size of the largest value, as stored, that is shown as JSON."""
MOST_PARTS = 1_000_000
"""Numbers, texts and containers in one answer."""
DEEPEST = 100
LARGEST = 2**63
"""Whole numbers from here on are shown as text."""
_NUMBERS = re.compile(r"[biufc]\d{1,2}")


def value_of(output: Output, stored: memoryview) -> Any:
    """A stored value, if it is plain data; a table as a list of rows.

    Raises:
        Problem: it holds more than plain data, or too much.
    """
    if output.size > MOST_BYTES:
        raise _too_much()
    try:
        if output.content_form == "arrow":
            with pa.ipc.open_stream(pa.py_buffer(stored)) as reader:
                return reader.read_all().to_pylist()
        pickled, *buffers = unframed(stored) if output.content_form == "buffers" else [stored]
        return _Plain(io.BytesIO(pickled), buffers=buffers).load()
    except Problem:
        raise
    except Exception as error:  # A pickle from a stranger can fail in any way, and tables hold what Python has not.
        raise _not_plain(type(error).__name__) from error


class Shown:
    """What one answer shows, which is bounded whatever the values are."""

    def __init__(self) -> None:
        self._left = MOST_PARTS

    def of(self, value: Any, depth: int = 0) -> Any:
        """The value as JSON: times are ISO 8601, bytes base64, what is not finite null, halves of characters escaped.

        Raises:
            Problem: there is too much of it.
        """
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            raise _too_much()
        if isinstance(value, np.ndarray):
            self._left -= value.size
            return self.of(value.tolist(), depth) if self._left >= 0 else self.of(None)
        if isinstance(value, Mapping):
            return {_key(key): self.of(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, (list, tuple, Set)) or type(value).__name__ == "deque":
            return [self.of(inner, depth + 1) for inner in value]
        return _scalar(value)


def _key(key: Any) -> str:
    return str(_scalar(key))


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int):
        return value if -LARGEST <= value < LARGEST else hex(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return _scalar(str(value))


class _Dtype:
    """A dtype of numbers, as a pickle describes it."""

    def __init__(self, name: str, *_: Any) -> None:
        if not _NUMBERS.fullmatch(name):
            raise _not_plain(f"an array of {name[:20]}")
        self._name, self._order = name, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._order = state[1] if state[1] in {"<", ">", "="} else "="

    @property
    def made(self) -> np.dtype[Any]:
        """The dtype itself."""
        return np.dtype(self._order + self._name)


class _Array:
    """An array that a pickle fills after it has made it."""

    def __init__(self, *_: Any) -> None:
        self.made: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, is_fortran, data = state
        self.made = _from_buffer(data, dtype, shape, "F" if is_fortran else "C")


def _from_buffer(data: Any, dtype: _Dtype, shape: tuple[int, ...], order: Any) -> np.ndarray[Any, Any]:
    return np.frombuffer(data, dtype.made).reshape(shape, order="F" if order == "F" else "C")


def _number(dtype: _Dtype, data: bytes) -> Any:
    return np.frombuffer(data, dtype.made)[0].item()


_KNOWN: dict[str, Any] = {
    "builtins.complex": complex,
    "collections.OrderedDict": dict,
    "collections.deque": list,
    "datetime.date": date,
    "datetime.datetime": datetime,
    "datetime.time": time,
    "datetime.timedelta": timedelta,
    "decimal.Decimal": Decimal,
    "uuid.UUID": UUID,
    "pathlib.PosixPath": PurePath,
    "pathlib.PurePosixPath": PurePath,
    "numpy.dtype": _Dtype,
    "numpy.ndarray": _Array,
    "numpy._core.multiarray.scalar": _number,
    "numpy._core.numeric._frombuffer": _from_buffer,
    "numpy._core.multiarray._reconstruct": _Array,
}
"""Classes that only hold what they are given, and stand-ins for those that could do more."""


class _Plain(pickle.Unpickler):
    """Loads plain data and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "datetime" and name == "timezone":
            return super().find_class(module, name)
        known = _KNOWN.get(f"{module}.{name}")
        if known is None:
            raise _not_plain(f"{module}.{name}")
        return known


def _not_plain(what: str) -> Problem:
    detail = f"the result is more than plain data: it holds {what[:200]}"
    return Problem(HTTPStatus.NOT_ACCEPTABLE, "not-plain", detail, _RAW)


def _too_much() -> Problem:
    return Problem(HTTPStatus.NOT_ACCEPTABLE, "too-much-to-show", "the result is too large to be shown as JSON", _RAW)


_RAW = (
    "ask for one partition with `Accept: application/octet-stream`; the Python client does, and loads it at your side"
)
