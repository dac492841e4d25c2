"""Result files: whole or not there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eopiez_ray.errors import StorageFullError


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A name to write under; when the block ends well, the file is synced and takes its own name.

    A failure, or a kill at any moment, leaves under ``target`` what was there before.

    Raises:
        StorageFullError: no space is left.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        _sync(partial)
        partial.replace(target)
        _sync(target.parent)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFullError(
                f"no space is left for {target}; free some or name another folder, and run again"
            ) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all.

    Raises:
        StorageFullError: no space is left.
    """
    with whole_file(target) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
