"""A stream of WAL: what it is called, and how segments that are still being written are kept in parts.

A server fills a segment of 16 MiB with zeros and writes it from the front. What has come since the last time is kept as
a part, which begins with the page of 8 KiB that may have been half full then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from ..home import make_file, make_folder

STREAM_FILE = "stream.json"
SEGMENT_BYTES = 16 * 2**20
PAGE_BYTES = 8192
SEGMENT_NAME = 24
"""Characters of a segment's name: timeline, and where it is."""
SEGMENT = re.compile(r"[0-9A-F]{24}")
HISTORY = re.compile(r"[0-9A-F]{8}\.history")
PARTIAL = ".partial"
"""How pg_receivewal marks the segment that it is writing."""
_PART = ".part-"


def read_stream(folder: Path) -> str | None:
    """The stream that is kept of the system with this folder."""
    try:
        found: str = json.loads((folder / STREAM_FILE).read_text(encoding="utf-8"))["stream"]
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return found


def begin_stream(folder: Path) -> str:
    """Name a new stream, as when the server's WAL cannot follow on what was kept."""
    stream = uuid4().hex
    file = make_file(make_folder(folder) / STREAM_FILE)
    fresh = make_file(file.with_suffix(".new"))
    fresh.write_text(json.dumps({"stream": stream}), encoding="utf-8")
    fresh.replace(file)
    return stream


def used(segment: bytes) -> int:
    """How much of a segment is written: all up to the last byte that is not zero, in whole pages."""
    return -(-len(segment.rstrip(b"\0")) // PAGE_BYTES) * PAGE_BYTES


def part_name(segment: str, number: int, offset: int) -> str:
    """The name of a part of a segment that begins there; later ones have higher numbers."""
    return f"{segment}{_PART}{number:010d}-{offset:08x}"


def is_part(name: str) -> bool:
    """Whether this is a part of a segment."""
    return _PART in name


def part_number(name: str) -> int:
    """The number of a part."""
    return int(name.partition(_PART)[2].partition("-")[0])


def part_offset(name: str) -> int:
    """Where a part begins."""
    return int(name.rpartition("-")[2], 16)


def whole_segment(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """A segment from its parts, in the order in which they were made, each with where it begins."""
    segment = bytearray(SEGMENT_BYTES)
    for offset, content in parts:
        segment[offset : offset + len(content)] = content
    return bytes(segment)
