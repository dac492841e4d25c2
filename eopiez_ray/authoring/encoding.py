"""The form in which values are stored and sent: Arrow IPC for tables, otherwise pickle protocol 5, with its buffers out
of band if there are any."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterator
from typing import Any

import cloudpickle
import pyarrow as pa

ALIGNMENT = 64


def encode(value: Any) -> tuple[str, list[memoryview | bytes]]:
    """The form, and the pieces of which it is made.

    Raises:
        one of ``UNPICKLABLE``: it cannot be pickled.
    """
    if isinstance(value, pa.Table):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_table(value)
        return "arrow", [memoryview(sink.getvalue())]
    head, buffers = _pickled(value)
    if not buffers:
        return "pickle", [head]
    raws = [buffer.raw() for buffer in buffers]
    return "buffers", list(_framed(head, raws))


def _pickled(value: Any) -> tuple[bytes, list[pickle.PickleBuffer]]:
    """The pickle and its buffers, made by the fast pickler, or by cloudpickle where only that works."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        return pickle.dumps(value, protocol=5, buffer_callback=buffers.append), buffers
    except (pickle.PicklingError, TypeError, AttributeError):
        buffers.clear()
    return cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append), buffers


def _framed(head: bytes, raws: list[memoryview]) -> Iterator[memoryview | bytes]:
    """Count and lengths, the pickle, then each buffer at a multiple of 64 bytes, so that arrays map aligned."""
    lengths = [len(head), *(raw.nbytes for raw in raws)]
    index = struct.pack(f"<{1 + len(lengths)}Q", len(lengths), *lengths)
    position = 0
    pieces: tuple[memoryview | bytes, ...] = (index, head, *raws)
    for piece in pieces:
        padding = -position % ALIGNMENT
        yield bytes(padding)
        yield piece
        position += padding + len(piece)


def decode(form: str, buffer: pa.Buffer | bytes) -> Any:
    """The value. A pickle can run anything when it is loaded, so load only what those have made whom you trust."""
    if form == "arrow":
        with pa.ipc.open_stream(buffer) as reader:
            return reader.read_all()
    view = memoryview(buffer)
    if form == "pickle":
        return pickle.loads(view)
    pieces = unframed(view)
    return pickle.loads(pieces[0], buffers=pieces[1:])


def unframed(view: memoryview) -> list[memoryview]:
    """The pickle and its buffers, from the form ``buffers``."""
    (count,) = struct.unpack_from("<Q", view)
    lengths = struct.unpack_from(f"<{count}Q", view, 8)
    pieces, position = [], 8 * (1 + count)
    for length in lengths:
        position += -position % ALIGNMENT
        pieces.append(view[position : position + length])
        position += length
    return pieces


def copied(value: Any) -> Any:
    """A deep copy of the value."""
    try:
        return pickle.loads(pickle.dumps(value, protocol=5))
    except (pickle.PicklingError, TypeError, AttributeError):
        return pickle.loads(cloudpickle.dumps(value, protocol=5))
