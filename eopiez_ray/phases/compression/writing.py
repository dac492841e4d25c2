"""Writing archives: in one pass, to a temporary name, whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from eopiez_ray.errors import StorageFullError
from eopiez_ray.phases.compression.blocks import Blocks
from eopiez_ray.phases.compression.codebook import Codebook
from eopiez_ray.phases.compression.layout import (
    HEAD,
    MAGIC,
    VERSION,
    Block,
    Footer,
    Place,
    fingerprint_width,
    protect,
)


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """What was written."""

    path: str
    documents: int
    blocks: int
    text_bytes: int
    """Of all texts in UTF-8."""
    stored_bytes: int
    """Of the file."""

    @property
    def ratio(self) -> float:
        """Bytes of text per byte of the file; 0 without text."""
        return self.text_bytes / self.stored_bytes


def write_archive(
    path: str | Path, parts: Iterable[Blocks], codebook: Codebook, metadata: Mapping[str, Any] | None = None
) -> ArchiveFacts:
    """Write the blocks of all partitions, in order, as one archive; at most one partition is held in memory.

    The archive has its name only when it is whole and on the disk; a failure leaves what was there before.

    Args:
        metadata: facts about the collection that are kept in the archive; JSON values.

    Raises:
        StorageFullError: no space is left.
        OSError: the file cannot be written.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            facts = _write(file, target, parts, codebook, dict(metadata or {}))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFullError(
                f"no space is left for {target}; free some or name another folder, and run again"
            ) from error
        raise
    finally:
        partial.unlink(missing_ok=True)
    return facts


def _write(
    file: BinaryIO, target: Path, parts: Iterable[Blocks], codebook: Codebook, metadata: dict[str, Any]
) -> ArchiveFacts:
    book = codebook.to_bytes()
    file.write(HEAD.pack(MAGIC, VERSION, 0, len(book)) + protect(book))
    fingerprints: list[np.ndarray[tuple[int], np.dtype[np.uint64]]] = [np.zeros(0, np.uint64)]
    places: list[Place] = []
    text_bytes = 0
    for block, is_last in _with_last(_in_order(parts, fingerprints)):
        data = block.to_bytes(len(places), is_last)
        places.append(Place(file.tell(), len(data), block.documents))
        text_bytes += block.text_size
        file.write(data)
    prints = np.concatenate(fingerprints)
    footer = Footer(len(book), tuple(places), prints, fingerprint_width(len(prints)), metadata)
    file.write(footer.to_bytes())
    return ArchiveFacts(str(target), len(prints), len(places), text_bytes, file.tell())


def _in_order(
    parts: Iterable[Blocks], fingerprints: list[np.ndarray[tuple[int], np.dtype[np.uint64]]]
) -> Iterator[Block]:
    for part in parts:
        fingerprints.append(np.array(part.fingerprints, np.uint64))
        yield from part.blocks


def _with_last(blocks: Iterator[Block]) -> Iterator[tuple[Block, bool]]:
    """Each block, and whether it is the last one."""
    held = next(blocks, None)
    if held is None:
        return
    for block in blocks:
        yield held, False
        held = block
    yield held, True


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable; not every system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
