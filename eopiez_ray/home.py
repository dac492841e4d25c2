"""The data home: folders and files that only their owner can read, whatever the umask.

Folders have mode 700 and files 600. Anything an earlier version left open is closed when the home is opened.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .errors import ParameterError
from .logs import get_logger

FOLDER, FILE = 0o700, 0o600
OTHERS = 0o077
"""Permissions that only the owner may have."""

log = get_logger(__name__)


def open_home(home: Path) -> Path:
    """Create the data home if need be, close it and everything in it to others, and give its absolute path.

    Links are left alone: their targets are the business of whoever made them.

    Raises:
        ParameterError: it cannot be created.
    """
    try:
        folder = make_folder(home.expanduser().absolute())
    except OSError as error:
        raise ParameterError(
            f"cannot write to the data home {home}: {error.strerror}; set EOPIEZ_HOME to a folder you own"
        ) from error
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _close_tree(Path(entry.path))
            else:
                _close(Path(entry.path))
    return folder


def make_folder(path: Path) -> Path:
    """Make a folder that is closed to others, and its missing parents likewise, unless it exists.

    Raises:
        OSError: it cannot be created.
    """
    missing = [parent for parent in path.parents if not parent.exists()]
    for folder in (*reversed(missing), path):
        folder.mkdir(FOLDER, exist_ok=True)
        if folder.stat().st_mode & 0o777 != FOLDER:
            _set_mode(folder, FOLDER)
    return path


def make_file(path: Path) -> Path:
    """Make a file that is closed to others, unless it exists; its content stays."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, FILE)
    try:
        os.fchmod(descriptor, FILE)
    finally:
        os.close(descriptor)
    return path


def delete_below(root: Path, folder: str) -> None:
    """Delete a folder below another one, if it is there; what leads elsewhere, by a link or by dots, stays."""
    path = root / folder
    if path.is_dir() and root.resolve() in path.resolve().parents:
        shutil.rmtree(path)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _close_tree(folder: Path) -> None:
    """Close a folder and everything in it to others, the folder itself last, so that nothing is missed if the process
    dies here."""
    if not folder.lstat().st_mode & OTHERS:
        return
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in (*folders, *files):
            _close(Path(parent, name))
    _close(folder)


def _close(path: Path) -> None:
    """Remove others' permissions and leave the owner's."""
    try:
        if path.is_symlink():
            return
        mode = path.stat().st_mode
        if mode & OTHERS:
            _set_mode(path, FOLDER if path.is_dir() else FILE)
    except FileNotFoundError:  # Another process using the same home has just deleted it.
        return


def _set_mode(path: Path, mode: int) -> None:
    try:
        path.chmod(mode)
    except PermissionError as error:  # It belongs to another user, as volumes of containers often do.
        log.warning("cannot remove others' permissions", path=str(path), error=str(error))
