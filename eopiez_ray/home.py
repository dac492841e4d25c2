"""The data home: folders and files that nobody but their owner can read, whatever the umask is.

Folders have the mode 700 and files 600. What an earlier version left open is closed when the home is opened.
"""

from __future__ import annotations

import os
from pathlib import Path

from .errors import ParameterError
from .logs import get_logger

FOLDER, FILE = 0o700, 0o600
OTHERS = 0o077
"""What nobody but the owner may do."""

log = get_logger(__name__)


def open_home(home: Path) -> Path:
    """The absolute path of a data home that is there, and closed to others with all that is in it.

    Links are left alone: where they lead is for whoever made them.

    Raises:
        ParameterError: it cannot be made.
    """
    try:
        folder = make_folder(home.expanduser().absolute())
    except OSError as error:
        raise ParameterError(
            f"cannot write into the data home {home}: {error.strerror}; set EOPIEZ_HOME to a folder of yours"
        ) from error
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _close_tree(Path(entry.path))
            else:
                _close(Path(entry.path))
    return folder


def make_folder(path: Path) -> Path:
    """A folder that is there and closed to others; parents that are missing are made alike.

    Raises:
        OSError: it cannot be made.
    """
    missing = [parent for parent in path.parents if not parent.exists()]
    for folder in (*reversed(missing), path):
        folder.mkdir(FOLDER, exist_ok=True)
        if folder.stat().st_mode & 0o777 != FOLDER:
            _set_mode(folder, FOLDER)
    return path


def make_file(path: Path) -> Path:
    """A file that is there and closed to others; what it holds stays."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, FILE)
    try:
        os.fchmod(descriptor, FILE)
    finally:
        os.close(descriptor)
    return path


def _close_tree(folder: Path) -> None:
    """Close a folder that is open to others, with all that is in it; itself last, so that nothing is left out if the
    process dies here."""
    if not folder.lstat().st_mode & OTHERS:
        return
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in (*folders, *files):
            _close(Path(parent, name))
    _close(folder)


def _close(path: Path) -> None:
    """Take away what others may do, and leave what the owner may."""
    try:
        if path.is_symlink():
            return
        mode = path.stat().st_mode
        if mode & OTHERS:
            _set_mode(path, FOLDER if path.is_dir() else FILE)
    except FileNotFoundError:  # Somebody else at work in the same home has just deleted it.
        return


def _set_mode(path: Path, mode: int) -> None:
    try:
        path.chmod(mode)
    except PermissionError as error:  # It belongs to another user, as volumes of containers often do.
        log.warning("cannot be closed to others", path=str(path), error=str(error))
