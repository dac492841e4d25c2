"""Which files the inputs of a collection are."""

from __future__ import annotations

import difflib
import fnmatch
import glob
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from eopiez_ray.errors import UnreadableInputError
from eopiez_ray.model.names import shown
from eopiez_ray.phases.io.records import Remark

_SCHEME = "file://"


class InputFile(NamedTuple):
    """A file of the collection."""

    path: str
    source: str
    """Its name in the collection, as it can be shown: the path below the folder that all inputs share."""
    label: str | None
    """The subfolder of the input folder that it is in, if it is in one, as it can be shown."""


class _Root(NamedTuple):
    """One file or folder that an input stands for."""

    path: str
    is_folder: bool


_Passed = Callable[[str, str], None]
"""Is told of each path that is passed over, and what it is."""


def find_files(inputs: Sequence[str], tell: Callable[[Remark], None] | None = None) -> Iterator[InputFile]:
    """The files of all inputs (files, folders, glob patterns), each once, folders in the order of their names.

    Hidden files and folders are left out, unless they are named, and so are links to folders.

    Args:
        inputs: as a user writes them, or ``portable``.
        tell: is told what is left out below a folder.

    Raises:
        UnreadableInputError: an input does not exist, matches nothing, or is standard input that was not spooled.
    """
    roots = [root for given in inputs for root in _roots(given)]
    shared = os.path.join(_shared_folder(roots), "")  # noqa: PTH118
    seen: set[str] | None = set() if len(roots) > 1 else None

    def passed(path: str, what: str) -> None:
        if tell is not None:
            tell(Remark(shown(_below(shared, path)), what, 1))

    for root in roots:
        for path in _walk(root.path, passed) if root.is_folder else [root.path]:
            if seen is not None:
                real = os.path.realpath(path)
                if real in seen:
                    continue
                seen.add(real)
            label = _first_folder(root.path, path) if root.is_folder else None
            yield InputFile(path, shown(_below(shared, path)), label and shown(label))


def spool(stream: BinaryIO, folder: Path, name: str = "stdin") -> Path:
    """Copy a stream that can be read only once into ``folder``; the file is whole when it has its name.

    Raises:
        UnreadableInputError: the stream is empty.
        OSError: the folder cannot be written.
    """
    target = folder / name
    partial = folder / f".{name}.{os.getpid()}"
    try:
        with partial.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
        if partial.stat().st_size == 0:
            raise UnreadableInputError("standard input", "it is empty", "pipe documents into it or name a file")
        return partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _roots(given: str) -> list[_Root]:
    if given == "-":
        raise UnreadableInputError("standard input", "it can be read only once", "spool it to a file first")
    path = os.path.expanduser(_from_portable(given))  # noqa: PTH111  # Strings: a collection can have millions.
    if os.path.isdir(path):  # noqa: PTH112
        return [_Root(path, True)]
    if os.path.lexists(path):
        return [_Root(path, False)]
    if not glob.has_magic(path):
        raise UnreadableInputError(shown(path) or "''", "there is no such file or folder", _advice(path))
    files = [_Root(match, False) for match in sorted(_matches(path)) if not os.path.isdir(match)]  # noqa: PTH112
    if not files:
        raise UnreadableInputError(shown(path), "the pattern matches no file", "`**/` in it descends into folders")
    return files


def _matches(pattern: str) -> Iterator[str]:
    """The paths that a pattern matches; ``**`` follows no links to folders, as little as the walk below a folder."""
    parts = pattern.split("/")
    if "**" not in parts:
        yield from glob.iglob(pattern)  # noqa: PTH207
        return
    at = parts.index("**")
    for folder in glob.iglob("/".join(parts[:at]) or ("/" if at else ".")):  # noqa: PTH207
        for path in _walk(folder) if os.path.isdir(folder) else ():  # noqa: PTH112
            if _fits(path[len(folder) :].lstrip("/").split("/"), parts[at:]):
                yield path if at else os.path.relpath(path)


def _fits(names: list[str], parts: list[str]) -> bool:
    """Whether the names of a path fit the parts of a pattern, of which ``**`` stands for any number of folders."""
    reached = _past_folders({0}, parts)
    for name in names:
        stays = {at for at in reached if at < len(parts) and parts[at] == "**"}
        goes = {at + 1 for at in reached if at < len(parts) and fnmatch.fnmatchcase(name, parts[at])}
        reached = _past_folders(stays | goes, parts)
    return len(parts) in reached


def _past_folders(reached: set[int], parts: list[str]) -> set[int]:
    for at in sorted(reached):
        while at < len(parts) and parts[at] == "**":
            at += 1
            reached.add(at)
    return reached


def _advice(path: str) -> str:
    folder, name = os.path.split(path)
    folder = folder or "."
    if not os.path.isdir(folder):  # noqa: PTH112
        return f"the folder {shown(folder)} does not exist either"
    try:
        names = sorted(os.listdir(folder))[:10_000]  # noqa: PTH208
    except OSError:
        return ""
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean {shown(os.path.join(folder, near[0]))}?" if near else ""  # noqa: PTH118


def portable(path: str) -> str:
    """A path that survives JSON and databases: one that is not UTF-8 becomes ``file://`` with ``%`` escapes.

    Patterns stay patterns. ``find_files`` understands both forms.
    """
    is_plain = path.isprintable() and not path.startswith(_SCHEME)
    return path if is_plain else _SCHEME + quote(os.fsencode(path), safe="/*?[]!~")


def shown_input(given: str) -> str:
    """An input as its user knows it, as it can be shown."""
    return shown(_from_portable(given))


def _from_portable(given: str) -> str:
    if not given.startswith(_SCHEME):
        return given
    return os.fsdecode(unquote_to_bytes(given.removeprefix(_SCHEME)))


def _shared_folder(roots: list[_Root]) -> str:
    if len(roots) == 1 and roots[0].is_folder:
        return roots[0].path
    parents = [os.path.abspath(os.path.join(root.path, os.pardir)) for root in roots]  # noqa: PTH100, PTH118
    return os.path.commonpath(parents) if parents else "."


def _below(folder: str, path: str) -> str:
    name = path.removeprefix(folder) if path.startswith(folder) else os.path.relpath(path, folder)
    return name.replace(os.sep, "/")


def _nobody(path: str, what: str) -> None:
    """Is told, and keeps it to itself."""


def _walk(folder: str, passed: _Passed = _nobody) -> Iterator[str]:
    """All files below a folder; symbolic links to folders are not followed, for they can lead in a circle."""
    levels = [_entries(folder, passed)]
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
        elif isinstance(entry, str):
            yield entry
        elif _leads_to_folder(entry) and entry.is_symlink():
            passed(entry.path, "link to a folder")
        elif _leads_to_folder(entry):
            levels.append(_entries(entry.path, passed))
        else:
            yield entry.path


def _entries(folder: str, passed: _Passed) -> Iterator[os.DirEntry[str] | str]:
    """What is in a folder by name, without what is hidden; the folder itself if it cannot be listed."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        yield folder  # Opening it fails with the reason, and becomes a reject.
        return
    for entry in entries:
        if entry.name.startswith("."):
            passed(entry.path, "hidden file or folder")
        else:
            yield entry


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link that leads to itself. Opening it fails with the reason.
        return False


def _first_folder(root: str, path: str) -> str | None:
    folder, below, _ = path[len(root) :].lstrip(os.sep).partition(os.sep)
    return folder if below else None
